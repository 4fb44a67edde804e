use serde_json::json;

use super::*;

fn refusal(hygiene: Hygiene) -> String {
    hygiene.check().expect_err("refused").to_string()
}

#[test]
fn options_out_of_range_are_refused() {
    let hygiene = Hygiene::default();
    assert!(hygiene.check().is_ok());
    let near = Hygiene { near_duplicates: Some(0.3), ..hygiene.clone() };
    assert_eq!(refusal(near), "near-duplicates: 0.3 is not a number from 0.5 to 1");
    let words = Hygiene { decontaminate_words: 3, ..hygiene.clone() };
    assert_eq!(refusal(words), "decontaminate-words: 3 is not a number from 4 to 100");
    let tokens = Hygiene { max_tokens: Some(1), ..hygiene.clone() };
    assert_eq!(refusal(tokens), "max-tokens: needs --tokenizer FILE");
    let file = GivenFile { name: "t.json".into(), bytes: Vec::new() };
    let unused = Hygiene { tokenizer: Some(file), ..hygiene };
    assert_eq!(refusal(unused), "tokenizer: counts tokens for --max-tokens, which is not given");
}

#[test]
fn files_that_cannot_be_read_are_refused() {
    let binary = GivenFile { name: "b.jsonl".into(), bytes: vec![0xff] };
    let hygiene = Hygiene { decontaminate: vec![binary], ..Hygiene::default() };
    let error = hygiene.stages(Questions::new(), None).err().expect("refused");
    assert_eq!(error.to_string(), "decontaminate: b.jsonl is not UTF-8");
}

/// Guarantees: the manifest tells which files were used, and never the salt.
#[test]
fn the_manifest_tells_hashes_of_files_and_no_salt() {
    let file = GivenFile { name: "b.jsonl".into(), bytes: b"a".to_vec() };
    let salt = "do-not-tell".to_owned();
    let told = json!(Hygiene { decontaminate: vec![file], redact_salt: salt, ..Hygiene::default() });
    assert_eq!(told["redact_with_salt"], true);
    assert_eq!(told["decontaminate"][0]["blake3"], blake3::hash(b"a").to_hex().to_string());
    assert!(!told.to_string().contains("do-not-tell"));
}

#[test]
fn stages_are_those_asked_for() {
    let count = |hygiene: &Hygiene| hygiene.stages(Questions::new(), None).expect("valid").len();
    assert_eq!(count(&Hygiene::default()), 3);
    let split = SplitOptions { shares: "train=1".parse().expect("valid"), seed: 0, by: SplitBy::Question };
    let all = Hygiene {
        split: Some(split),
        near_duplicates: Some(0.9),
        redact: vec![Redact::Emails],
        max_pairs_per_session: Some(1),
        ..Hygiene::default()
    };
    assert_eq!(count(&all), 7);
    assert!(all.needs_questions() && !Hygiene::default().needs_questions());
}
