use crate::derive::fixtures::{agent, derive, llm, row};

/// Guarantees: calls of an agent have the system prompt that its span alone tells; not where calls tell their own, and not a
/// call without content.
#[test]
fn the_agents_instructions_are_its_calls_system_prompt() {
    let told = |id: &str| agent(id).mapped(|mapped| mapped.system_prompt = Some("Be brief.".into()));
    let trace = derive([
        told("a").at(0, 9),
        llm("first").under("a").at(1, 2).question("q"),
        llm("hidden").under("a").at(3, 4),
        agent("other").under("a").at(5, 8),
        llm("within").under("other").at(6, 7).question("q"),
    ]);
    assert_eq!(row(&trace, "first").system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(row(&trace, "first").source_keys["system_prompt"], "span:a");
    assert_eq!(row(&trace, "hidden").system_prompt, None);
    assert_eq!(row(&trace, "within").system_prompt, None);

    let tells =
        llm("tells").under("a").at(3, 4).question("q").mapped(|mapped| mapped.system_prompt = Some("Own.".into()));
    let trace = derive([told("a").at(0, 9), llm("first").under("a").at(1, 2).question("q"), tells]);
    assert_eq!(row(&trace, "first").system_prompt, None);
}
