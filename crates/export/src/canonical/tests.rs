use gleaner_model::canonical_json;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    dataset::{RANKINGS, SCORES, TRAJECTORY},
    provenance::Provenance,
};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|x| json!(x)),
        "\\PC{0,6}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn message() -> impl Strategy<Value = ChatMessage> {
    let text = || prop::option::of(any::<String>());
    let arguments = prop::collection::vec((any::<String>(), value()), 0..4);
    let call = (text(), any::<String>(), arguments).prop_map(|(id, name, arguments)| ToolCall {
        id,
        r#type: "function",
        function: FunctionCall { name, arguments: arguments.into_iter().collect::<Map<_, _>>() },
    });
    let role = prop::sample::select(vec!["system", "user", "assistant", "tool"]);
    (role, any::<String>(), text(), prop::collection::vec(call, 0..3), text(), text()).prop_map(
        |(role, content, reasoning_content, tool_calls, tool_call_id, name)| ChatMessage {
            reasoning_content,
            tool_calls,
            tool_call_id,
            name,
            ..ChatMessage::text(role, content)
        },
    )
}

fn messages() -> impl Strategy<Value = Vec<ChatMessage>> {
    prop::collection::vec(message(), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Guarantees: the identity of a row is the canonical JSON of its content and of the facts that its dataset counts among it.
    #[test]
    fn an_identity_is_canonical_json(one in messages(), other in messages(), tool in value(), fact in value(), at in 0_usize..3) {
        let (dataset, content) = match at {
            0 => (&TRAJECTORY, Content::Messages(one)),
            1 => (&SCORES, Content::Completion { prompt: one, completion: other }),
            _ => (&RANKINGS, Content::List { prompt: one.clone(), completions: vec![one, other], ranks: vec![2, 1] }),
        };
        let example = Example::new(content, vec![tool], Provenance::default()).with("criterion", fact).with("other", 1);
        let mut tree = example.content_json();
        for name in dataset.identity {
            tree.insert((*name).to_owned(), example.facts.get(*name).cloned().unwrap_or(Value::Null));
        }
        let mut written = Vec::new();
        write_identity(dataset, &example, &mut written);
        prop_assert_eq!(String::from_utf8(written).expect("UTF-8"), canonical_json(&Value::Object(tree)));
    }
}
