use serde_json::json;

use crate::derive::fixtures::{agent, chain, derive, llm, row};

/// Guarantees: the last call gets the agent's answer; one before it, one that called a tool, and one that shows an answer do not.
#[test]
fn the_agents_output_is_its_last_calls_answer() {
    let answered = |id: &str| agent(id).mapped(|mapped| mapped.output_text = Some("done".into()));
    let trace = derive([
        answered("a").at(0, 9),
        llm("first").under("a").at(1, 2).question("q"),
        llm("last").under("a").at(3, 4).question("q"),
    ]);
    assert_eq!(row(&trace, "first").output_text, None);
    assert_eq!(row(&trace, "last").output_text.as_deref(), Some("done"));
    assert_eq!(row(&trace, "last").source_keys["output_messages"], "span:a");
    assert_eq!(row(&trace, "last").source_keys["presumed"], json!(["output_messages"]));

    let calls_tool = llm("last").under("a").at(3, 4).question("q").mapped(|mapped| {
        mapped.finish_reason = Some("tool_call".into());
    });
    assert_eq!(row(&derive([answered("a").at(0, 9), calls_tool]), "last").output_text, None);
    let shows = llm("last").under("a").at(3, 4).question("q").answer("own");
    assert_eq!(row(&derive([answered("a").at(0, 9), shows]), "last").output_text.as_deref(), Some("own"));
}

#[test]
fn what_ran_after_the_call_may_have_changed_the_answer() {
    let rewriting = derive([
        agent("a").at(0, 9).mapped(|mapped| mapped.output_text = Some("done".into())),
        llm("last").under("a").at(3, 4).question("q"),
        chain("rewrite").under("a").at(5, 6),
    ]);
    assert_eq!(row(&rewriting, "last").output_text, None);
}
