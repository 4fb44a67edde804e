use proptest::prelude::*;

use super::*;

fn joined(texts: &[TextRow], ids: &[u64]) -> String {
    ids.iter().map(|id| texts.iter().find(|text| text.id == *id).unwrap().text.as_str()).collect()
}

/// Words that no two seeds share.
fn prose(seed: u64, bytes: usize) -> String {
    let mut state = seed;
    let mut text = String::new();
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:x} ", state >> 40));
    }
    text
}

#[test]
fn a_conversation_that_grows_is_stored_about_once() {
    let mut texts = Texts::new(1, 1000);
    let mut conversation = String::new();
    let mut sent = 0;
    for turn in 0..40 {
        conversation.push_str(&format!(r#"{{"role":"user","content":"{}"}},"#, prose(turn, 1500)));
        // What stands around it differs from call to call.
        let call = format!(r#"{{"call":{turn},"messages":"[{conversation}]","model":"m"}}"#);
        sent += call.len();
        texts.pieces(&call);
    }
    let stored: usize = texts.take_new().iter().map(|text| text.text.len()).sum();
    assert!(sent > 15 * conversation.len());
    assert!(stored < conversation.len() * 11 / 10, "{stored} of {} bytes", conversation.len());
}

#[test]
fn a_transcript_that_grows_is_stored_about_once() {
    let mut texts = Texts::new(1, 1000);
    let mut transcript = String::new();
    for turn in 0..40 {
        transcript.push_str(&format!("User: {}\n", prose(turn, 1500)));
        texts.pieces(&transcript);
    }
    let stored: usize = texts.take_new().iter().map(|text| text.text.len()).sum();
    assert!(stored < 2 * transcript.len(), "{stored} of {} bytes", transcript.len());
}

#[test]
fn a_message_is_the_same_pieces_wherever_it_stands() {
    let mut texts = Texts::new(1, 1000);
    let content = prose(1, 3000);
    let known = texts.pieces(&content);
    let message =
        serde_json::json!([{"role": "user", "content": content}, {"role": "tool", "content": "short"}]).to_string();
    let in_json = serde_json::json!({"gen_ai.input.messages": message, "n": 1}).to_string();
    let in_json_twice = serde_json::Value::from(in_json.as_str()).to_string();
    for text in [&message, &in_json, &in_json_twice] {
        let ids = texts.pieces(text);
        assert!(ids.windows(known.len()).any(|part| part == known), "{text}");
    }
}

#[test]
fn a_piece_that_was_forgotten_gets_a_new_id() {
    let mut texts = Texts::new(7, 4);
    assert_eq!(texts.pieces("a"), [7]);
    assert_eq!(texts.pieces("a"), [7]);
    for other in ["b", "c", "d", "e", "f"] {
        texts.pieces(other);
    }
    assert_eq!(texts.pieces("a"), [13]);
}

#[test]
fn a_piece_that_is_seen_again_is_not_forgotten() {
    let mut texts = Texts::new(1, 4);
    for other in ["b", "c", "d", "e", "f", "g"] {
        assert_eq!(texts.pieces("a"), [1]);
        texts.pieces(other);
    }
}

#[test]
fn an_empty_text_is_one_empty_piece() {
    assert_eq!(Texts::new(1, 4).pieces(""), [1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_joined_are_the_text(parts in proptest::collection::vec("[a-zä€🦀]{0,3}|[ -~]{200,900}|ä{3000}|\\PC{9000}|\\\\*\"|[a-z]{63,65}", 0..8)) {
        let text = parts.concat();
        let mut texts = Texts::new(1, 1000);
        let ids = texts.pieces(&text);
        let new = texts.take_new();
        prop_assert_eq!(joined(&new, &ids), text);
        prop_assert!(new.iter().all(|piece| piece.text.len() <= MAX_PIECE_BYTES + 3));
    }
}
