use gleaner_model::Message;
use serde_json::json;

use super::*;
use crate::Kind;

fn options() -> Options {
    Options::new(Kind::Preference)
}

fn asked(messages: Option<Vec<Message>>) -> Attempt {
    Attempt {
        row: AttemptRow { status: "ok".into(), output_text: Some("39".into()), ..AttemptRow::default() },
        question: Given { messages, system_prompt: Some("Be brief.".into()), ..Given::default() },
        ..Attempt::default()
    }
}

#[test]
fn the_question_is_without_the_system_prompt() {
    let one = asked(Some(vec![Message::text("user", "q")]));
    let mut two = one.clone();
    two.question.system_prompt = Some("Be long.".into());
    let [one, two] = [one, two].map(|attempt| question(&attempt, &options()).expect("a question"));
    assert_eq!((&one.messages, one.system.as_deref()), (&two.messages, Some("Be brief.")));
}

#[test]
fn an_agent_s_plain_input_stands_in_for_messages() {
    let plain = Attempt { input_text: Some("q".into()), ..asked(None) };
    assert_eq!(question(&plain, &options()).expect("a question").messages, [ChatMessage::text("user", "q")]);
}

#[test]
fn attempts_without_question_or_answer_tell_why() {
    let reason = |messages| question(&asked(messages), &options()).expect_err("rejected");
    assert_eq!(reason(None), Reason::PromptNotCaptured);
    assert_eq!(reason(Some(Vec::new())), Reason::NoPrompt);
    let ends_early = vec![Message::text("user", "q"), Message::text("assistant", "a")];
    assert_eq!(reason(Some(ends_early)), Reason::PromptDoesNotEndWithUserOrTool);
    let answer = |text: &str| answer(&AttemptRow { output_text: Some(text.into()), ..AttemptRow::default() });
    assert_eq!(answer(" "), Err(Reason::NoCompletion));
    assert_eq!(answer("__REDACTED__"), Err(Reason::Redacted));
    assert_eq!(answer("It began well ... [truncated]\n"), Err(Reason::Truncated));
}

#[test]
fn a_status_lets_in_what_was_asked_for() {
    let mut case = Case::of(asked(None), &options());
    assert_eq!(case.check_status(&options()), Ok(()));
    case.row.status = "open".into();
    assert_eq!(case.check_status(&options()), Err(Reason::OpenAttempt));
    case.row.status = "error".into();
    assert_eq!(case.check_status(&options()), Err(Reason::FailedAttempt));
    assert_eq!(case.check_status(&Options { include_failed: true, ..options() }), Ok(()));
}

fn row(output: Value, output_text: &str) -> Attempt {
    Attempt {
        row: AttemptRow { status: "ok".into(), output_text: Some(output_text.into()), ..AttemptRow::default() },
        conversation: Given { messages: Some(vec![Message::text("user", "q")]), ..Given::default() },
        output_messages: serde_json::from_value(output).expect("messages"),
        ..Attempt::default()
    }
}

fn completion(attempt: &Attempt) -> Result<ChatMessage, Reason> {
    whole(attempt, &options(), None).and_then(|whole| whole.completion)
}

#[test]
fn a_last_tool_call_is_a_completion_only_if_it_carries_the_answer() {
    let call = json!([{"role": "assistant", "parts": [
        {"type": "tool_call", "id": "c", "name": "final_answer", "arguments": {"answer": "Paris"}}]}]);
    assert!(completion(&row(call.clone(), "Paris")).is_ok());
    assert!(completion(&row(call.clone(), "{\"answer\": \"Paris\"}")).is_ok());
    assert_eq!(completion(&row(call, "Something else")), Err(Reason::ToolCallWithoutResult));
}

#[test]
fn missing_ends_tell_why() {
    let plain = row(json!([]), "x");
    assert_eq!(completion(&plain), Err(Reason::NoCompletion));
    let texted = Attempt { call_output_text: Some("x".into()), ..plain.clone() };
    assert_eq!(completion(&texted), Ok(ChatMessage::text("assistant", "x")));
    let two_choices = row(json!([Message::text("assistant", "x"), Message::text("assistant", "y")]), "x");
    assert_eq!(completion(&two_choices), Err(Reason::PromptDoesNotEndWithUserOrTool));
    let given = |messages| Attempt { conversation: Given { messages, ..Given::default() }, ..texted.clone() };
    assert_eq!(completion(&given(Some(Vec::new()))), Err(Reason::NoPrompt));
    assert_eq!(completion(&given(None)), Err(Reason::PromptNotCaptured));
}

#[test]
fn an_answer_that_reached_the_token_limit_is_no_completion() {
    let mut cut = vec![Message::text("assistant", "It began")];
    cut[0].finish_reason = Some("length".into());
    assert_eq!(completion(&row(json!(cut), "It began")), Err(Reason::Truncated));
}

#[test]
fn a_case_reads_back_from_disk_as_it_was() {
    let attempt = row(
        json!([{"role": "assistant", "parts": [
        {"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "x"}]}]),
        "x",
    );
    let mut case = Case::of(attempt, &options());
    case.row.attempt_id = "a".into();
    let mut cases = Cases::new(Spool::new(None).expect("opens"));
    cases.put(&case).expect("writes");
    assert_eq!(cases.get("a").expect("reads"), Some(case));
    assert_eq!(cases.get("b").expect("reads"), None);
}
