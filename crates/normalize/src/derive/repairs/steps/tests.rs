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

/// Guarantees: of one call in a module the module's usage is the call's; of several nothing is presumed, nor of other libraries.
#[test]
fn a_module_counts_for_its_only_call() {
    let module = |id: &str, convention: &'static str| {
        chain(id).mapped(|mapped| {
            mapped.convention = Some(convention);
            (mapped.input_tokens, mapped.output_tokens) = (Some(7), Some(2));
        })
    };
    let call = |id: &str, module: &str, at: u64| llm(id).under(module).at(at, at + 1).question(id).answer(id);
    let trace = derive([
        module("one", "mlflow").at(0, 9),
        call("only", "one", 1),
        module("two", "mlflow").at(10, 19),
        call("first", "two", 11),
        call("second", "two", 13),
        module("other", "openllmetry").at(20, 29),
        call("elsewhere", "other", 21),
    ]);
    assert_eq!((row(&trace, "only").input_tokens, row(&trace, "only").output_tokens), (Some(7), Some(2)));
    assert_eq!(row(&trace, "only").source_keys["input_tokens"], "span:one");
    assert!(["first", "second", "elsewhere"].iter().all(|id| row(&trace, id).input_tokens.is_none()));
}
