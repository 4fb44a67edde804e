use gleaner_model::Message;

use super::parse;

/// Guarantees: whatever the text, the short way reads what the model's own definition reads, and fails where that fails.
#[test]
fn both_ways_read_the_same() {
    let parts = [
        r#"{"type":"text","content":"a\n\"b\" é 😀"}"#,
        r#"{"content":"the type comes last","type":"text"}"#,
        r#"{"type":"text","content":"more fields","id":7,"arguments":1.50}"#,
        r#"{"type":"text"}"#,
        r#"{"type":"text","content":null}"#,
        r#"{"type":"refusal","content":"no"}"#,
        r#"{"type":"reasoning","content":"hm"}"#,
        r#"{"type":"reasoning","content":"","kind":"encrypted","data":"x"}"#,
        r#"{"type":"reasoning","content":"","kind":null}"#,
        r#"{"type":"reasoning","content":"","kind":"odd"}"#,
        r#"{"type":"tool_call","name":"f"}"#,
        r#"{"type":"tool_call","name":"f","id":"1","arguments":{"b":1,"a":[1.0,1e400]}}"#,
        r#"{"type":"tool_call","name":"f","id":null,"arguments":{"b":1,"a":[1.0,18446744073709551615]}}"#,
        r#"{"type":"tool_call","name":"f","arguments":null}"#,
        r#"{"type":"tool_call","arguments":{}}"#,
        r#"{"type":"tool_call_response","response":"done"}"#,
        r#"{"type":"tool_call_response","id":"1","name":"f","response":null}"#,
        r#"{"type":"tool_call_response","id":"1"}"#,
        r#"{"type":"blob","modality":"image","content":"AA=="}"#,
        r#"{"type":"other","value":{"type":"x"}}"#,
        r#"{"type":"unheard"}"#,
        r#"{"type":"te\u0078t","content":"an escaped type"}"#,
        r#"{}"#,
        "7",
    ];
    let mut texts: Vec<String> = ["null", "[]", "{}", "", "[7]", r#"[{"role":"user"}]"#, r#"[{"role":7,"parts":[]}]"#]
        .map(str::to_owned)
        .to_vec();
    for part in parts {
        texts.push(format!(r#"[{{"role":"assistant","parts":[{part}]}}]"#));
        texts.push(format!(
            r#"[{{"parts":[{part},{part}],"role":"u\u0073er","name":"n","finish_reason":null,"more":{{}}}},{{"role":"user","parts":[]}}]"#
        ));
    }
    let mut read = 0;
    for text in texts {
        let long: Result<Option<Vec<Message>>, _> = serde_json::from_str(&text);
        match (parse(&text), long) {
            (Ok(short), Ok(long)) => {
                assert_eq!(short, long, "{text}");
                read += 1;
            }
            (Err(_), Err(_)) => {}
            (short, long) => panic!("{text}: {short:?}, {long:?}"),
        }
    }
    assert!(read > 20, "{read}");
}
