use serde_json::json;

use super::super::messages;

#[test]
fn printed_messages_have_roles_and_parts() {
    let printed = json!([
        "ChatMessage(role=<MessageRole.SYSTEM: 'system'>, content=[{'type': 'text', 'text': 'Be brief.'}], tool_calls=None)",
        "ChatMessage(role=<MessageRole.USER: 'user'>, additional_kwargs={}, blocks=[TextBlock(block_type='text', text=\"What's up?\")])",
        "HumanMessage(content='Oslo?', additional_kwargs={}, response_metadata={})",
        "AIMessage(content='', tool_calls=[{'name': 'f', 'args': {'x': 1}, 'id': 'c1', 'type': 'tool_call'}])",
        "ToolMessage(content='408', name='f', tool_call_id='c1')",
    ]);
    let read = json!(messages(&printed, "user"));
    let expected = json!([
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "What's up?"}]},
        {"role": "user", "parts": [{"type": "text", "content": "Oslo?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "name": "f", "response": "408"}]},
    ]);
    assert_eq!(read, expected);
}

#[test]
fn other_text_stays_text() {
    for text in ["Message me (please)", "f(x)", "A Message('hi') and more", "ChatMessage(role='user'"] {
        let read = json!(messages(&json!([text]), "user"));
        assert_eq!(read, json!([{"role": "user", "parts": [{"type": "text", "content": text}]}]));
    }
}
