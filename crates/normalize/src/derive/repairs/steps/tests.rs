use crate::derive::fixtures::{chain, derive, llm, row};

/// Guarantees: the one call of a step ended as the step's message says; of several calls in a step none is presumed to.
#[test]
fn the_step_tells_why_its_call_ended() {
    let step = |id: &str| chain(id).mapped(|mapped| mapped.finish_reason = Some("stop".into()));
    let trace = derive([
        step("graph").at(0, 20),
        step("node").under("graph").at(1, 4),
        llm("call").under("node").at(2, 3).question("q").answer("a"),
        step("two").under("graph").at(5, 12),
        llm("first").under("two").at(6, 7).question("q").answer("b"),
        llm("second").under("two").at(8, 9).question("r").answer("c"),
    ]);
    assert_eq!(row(&trace, "call").finish_reason.as_deref(), Some("stop"));
    assert_eq!(row(&trace, "call").source_keys["finish_reason"], "span:node");
    assert_eq!((&row(&trace, "first").finish_reason, &row(&trace, "second").finish_reason), (&None, &None));
}
