use super::*;

fn contents(context: &str) -> Vec<String> {
    ContextDocument::list(context).into_iter().map(|document| document.content).collect()
}

#[test]
fn a_context_is_one_text_or_a_list_of_documents() {
    assert_eq!(contents("The lantern weighs 300 g."), ["The lantern weighs 300 g."]);
    assert_eq!(contents(r#"["one", "two"]"#), ["one", "two"]);
    assert_eq!(contents(r#"[{"name": "a.md", "content": "one"}, {"page_content": "two"}]"#), ["one", "two"]);
    assert_eq!(contents("  "), Vec::<String>::new());
}

/// Guarantees: nothing of a context is dropped because one element has no text of its own.
#[test]
fn a_list_that_is_no_list_of_documents_is_one_text() {
    for context in ["[1, 2]", r#"["one", {"rows": 3}]"#, "[]", "{\"rows\": 3}"] {
        assert_eq!(contents(context), [context]);
    }
}

#[test]
fn name_and_score_are_read_where_they_are_told() {
    let json = r#"{"id": "KB-311", "content": "Exports end after 30 minutes.", "score": "0.83"}"#;
    let [document] = &ContextDocument::list(json)[..] else { panic!("one document") };
    assert_eq!((document.name.as_deref(), document.score), (Some("KB-311"), Some(0.83)));
    assert_eq!(document.content_hash(), ContextDocument::text("Exports end after 30 minutes.").content_hash());
}
