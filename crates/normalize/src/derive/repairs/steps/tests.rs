use serde_json::json;

use crate::derive::fixtures::{agent, chain, derive, llm, row};

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

/// Guarantees: what a run used is what its only call used, where the call tells the usage of its beginning; a call that tells its own
/// keeps it, and so do several.
#[test]
fn a_run_counts_for_its_only_call_that_had_only_begun() {
    let run = |id: &str| agent(id).tokens(149, 41);
    let begun = |id: &str, run: &str, at: u64| {
        let call = llm(id).under(run).at(at, at + 1).question(id).answer(id).tokens(149, 1);
        call.mapped(|mapped| {
            mapped.source_keys.insert("output_tokens".into(), json!("gen_ai.usage.partial.output_tokens"));
        })
    };
    let trace = derive([
        run("one").at(0, 9),
        begun("only", "one", 1),
        run("two").at(10, 19),
        begun("first", "two", 11),
        begun("second", "two", 13),
        run("three").at(20, 29),
        llm("whole").under("three").at(21, 22).question("q").answer("a").tokens(140, 40),
    ]);
    let output = |id: &str| row(&trace, id).output_tokens;
    assert_eq!(["only", "first", "second", "whole"].map(output), [Some(41), Some(1), Some(1), Some(40)]);
    assert_eq!(row(&trace, "only").source_keys["output_tokens"], "span:one");
}
