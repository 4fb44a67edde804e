use super::*;

fn row(input: Option<Vec<Message>>) -> QuestionRow {
    QuestionRow {
        attempt: AttemptRow { status: "ok".into(), output_text: Some("39".into()), ..AttemptRow::default() },
        input_messages: input,
        system_prompt: Some("Be brief.".into()),
        ..QuestionRow::default()
    }
}

fn asked(system: &str) -> Answer {
    let row = QuestionRow { system_prompt: Some(system.into()), ..row(Some(vec![Message::text("user", "q")])) };
    answer(&row, &Options::new(crate::Kind::Preference)).expect("an answer")
}

fn reason(row: &QuestionRow) -> Reason {
    answer(row, &Options::new(crate::Kind::Preference)).expect_err("rejected")
}

#[test]
fn the_question_is_without_the_system_prompt() {
    let (one, two) = (asked("Be brief."), asked("Be long."));
    assert_eq!(one.question_hash, two.question_hash);
    assert_eq!(one.system.as_deref(), Some("Be brief."));
}

#[test]
fn a_system_prompt_is_kept_when_shared_or_asked_for() {
    let (one, two) = (asked("Be brief."), asked("Be long."));
    let first = |answers: [&Answer; 2], system| {
        let options = Options { system, ..Options::new(crate::Kind::Preference) };
        prompt(&answers, answers[0], &options).0[0].clone()
    };
    let (brief, user) = (ChatMessage::text("system", "Be brief."), ChatMessage::text("user", "q"));
    assert_eq!(first([&one, &two], SystemPrompt::Shared), user);
    assert_eq!(first([&one, &one], SystemPrompt::Shared), brief);
    assert_eq!(first([&one, &two], SystemPrompt::Chosen), brief);
    assert_eq!(first([&one, &one], SystemPrompt::Drop), user);
}

#[test]
fn an_agent_s_plain_input_stands_in_for_messages() {
    let plain = QuestionRow { input_text: Some("q".into()), ..row(None) };
    let answer = answer(&plain, &Options::new(crate::Kind::Preference)).expect("an answer");
    assert_eq!(*answer.question, [ChatMessage::text("user", "q")]);
}

#[test]
fn attempts_without_question_or_answer_tell_why() {
    assert_eq!(reason(&row(None)), Reason::PromptNotCaptured);
    assert_eq!(reason(&row(Some(Vec::new()))), Reason::NoPrompt);
    let ends_early = vec![Message::text("user", "q"), Message::text("assistant", "a")];
    assert_eq!(reason(&row(Some(ends_early))), Reason::PromptDoesNotEndWithUserOrTool);
    let mut silent = row(Some(vec![Message::text("user", "q")]));
    silent.attempt.output_text = Some(" ".into());
    assert_eq!(reason(&silent), Reason::NoCompletion);
    silent.attempt.output_text = Some("__REDACTED__".into());
    assert_eq!(reason(&silent), Reason::Redacted);
    silent.attempt.status = "open".into();
    assert_eq!(reason(&silent), Reason::OpenAttempt);
    silent.attempt.status = "error".into();
    assert_eq!(reason(&silent), Reason::FailedAttempt);
}
