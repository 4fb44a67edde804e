use serde_json::json;

use super::*;
use crate::{
    Kind,
    conversation::{FunctionCall, ToolCall},
    provenance::Provenance,
};

fn calling(name: &str) -> ChatMessage {
    let function = FunctionCall { name: name.into(), arguments: serde_json::Map::new() };
    let call = ToolCall { id: Some("c".into()), r#type: "function", function };
    ChatMessage { tool_calls: vec![call], ..ChatMessage::text("assistant", "") }
}

fn example(prompt: Vec<ChatMessage>, completion: ChatMessage) -> Example {
    let content = Content::Completion { prompt, completion: vec![completion] };
    Example::new(content, vec![json!({"type": "function", "function": {"name": "known"}})], Provenance::default())
}

fn reason(example: &Example) -> Option<Reason> {
    check(example, &Options::new(Kind::Sft)).err()
}

#[test]
fn a_called_tool_must_be_declared_unless_that_is_allowed() {
    let user = vec![ChatMessage::text("user", "q")];
    assert_eq!(reason(&example(user.clone(), calling("known"))), None);
    let unknown = example(user.clone(), calling("unknown"));
    assert_eq!(reason(&unknown), Some(Reason::ToolNotDeclared));
    let in_prompt = example([user, vec![calling("unknown")]].concat(), ChatMessage::text("assistant", "a"));
    assert_eq!(reason(&in_prompt), Some(Reason::PromptDoesNotEndWithUserOrTool));
    assert_eq!(check(&unknown, &Options { undeclared_tools: true, ..Options::new(Kind::Sft) }), Ok(()));
}

#[test]
fn prompts_and_completions_end_as_trainers_need_them() {
    let answer = ChatMessage::text("assistant", "a");
    assert_eq!(reason(&example(Vec::new(), answer.clone())), Some(Reason::NoPrompt));
    assert_eq!(
        reason(&example(vec![ChatMessage::text("system", "s")], answer)),
        Some(Reason::PromptDoesNotEndWithUserOrTool)
    );
    let user = vec![ChatMessage::text("user", "q")];
    assert_eq!(reason(&example(user.clone(), ChatMessage::text("user", "a"))), Some(Reason::NoCompletion));
    assert_eq!(reason(&example(user, ChatMessage::text("assistant", " "))), Some(Reason::NoCompletion));
}
