use serde_json::json;

use crate::derive::fixtures::{TestSpan, agent, derive, llm, row, tool};

fn answered(span: TestSpan, response_id: &str) -> TestSpan {
    span.mapped(|mapped| mapped.response_id = Some(response_id.to_owned()))
}

fn asking(id: &str, start: u64, calls: &[&str]) -> TestSpan {
    let calls: Vec<_> = calls.iter().map(|call| (Some(*call), "f", json!({}))).collect();
    answered(llm(id).at(start, start + 1).question("q").asks(&calls), &format!("r-{id}"))
}

#[test]
fn results_name_the_response_that_asked() {
    let trace = derive([
        asking("a", 0, &["c1", "c2"]),
        answered(llm("b").at(2, 3).told(&[("c1", "x"), ("c2", "y")]).answer("done"), "r-b"),
    ]);
    assert_eq!(row(&trace, "b").previous_response_id.as_deref(), Some("r-a"));
    assert_eq!(row(&trace, "b").source_keys["previous_response_id"], "span:a");
    assert_eq!(row(&trace, "a").previous_response_id, None);
}

#[test]
fn the_latest_response_with_that_call_counts() {
    let trace = derive([asking("a", 0, &["c1"]), asking("b", 2, &["c1"]), llm("c").at(4, 5).told(&[("c1", "x")])]);
    assert_eq!(row(&trace, "c").previous_response_id.as_deref(), Some("r-b"));
}

#[test]
fn what_the_library_says_stays() {
    let told = llm("b").at(2, 3).told(&[("c1", "x")]).mapped(|mapped| mapped.previous_response_id = Some("own".into()));
    assert_eq!(row(&derive([asking("a", 0, &["c1"]), told]), "b").previous_response_id.as_deref(), Some("own"));
}

#[test]
fn nothing_is_guessed() {
    let previous = |spans: Vec<TestSpan>| row(&derive(spans), "z").previous_response_id.clone();
    let told = |results: &[(&str, &str)]| llm("z").at(8, 9).told(results);
    // Nobody asked, several asked, the asking call has no id of its own, or the id is everybody's.
    assert_eq!(previous(vec![told(&[("c1", "x")])]), None);
    assert_eq!(
        previous(vec![asking("a", 0, &["c1"]), asking("b", 2, &["c2"]), told(&[("c1", "x"), ("c2", "y")])]),
        None
    );
    let nameless = asking("a", 0, &["c1"]).mapped(|mapped| mapped.response_id = None);
    assert_eq!(previous(vec![nameless, told(&[("c1", "x")])]), None);
    let alike = |id: &str, start| answered(asking(id, start, &[id]), "same");
    assert_eq!(previous(vec![alike("a", 0), alike("b", 2), told(&[("b", "x")])]), None);
    // A new question alone, and a history that the input holds itself.
    assert_eq!(previous(vec![asking("a", 0, &["c1"]), llm("z").at(8, 9).question("next")]), None);
    let history = told(&[("c1", "x")]).mapped(|mapped| {
        let question = gleaner_model::Message::text("user", "q");
        mapped.input_messages.as_mut().unwrap().insert(0, question);
    });
    assert_eq!(previous(vec![asking("a", 0, &["c1"]), history]), None);
}

/// Guarantees: where no id can name the response that asked, its conversation stands before the results.
#[test]
fn without_an_id_the_history_is_put_in_front() {
    let nameless = asking("a", 0, &["c1"]).mapped(|mapped| mapped.response_id = None);
    let trace = derive([nameless, llm("b").at(2, 3).told(&[("c1", "x")]).answer("done")]);
    let input = row(&trace, "b").input_messages.as_ref().unwrap();
    assert_eq!(input.iter().map(|m| m.role.as_str()).collect::<Vec<_>>(), ["user", "assistant", "tool"]);
    assert_eq!(row(&trace, "b").source_keys["input_messages"], "span:a");
}

/// Guarantees: an answer that names its calls by items is the one that the next call's results belong to, if they are as many.
#[test]
fn results_of_calls_that_are_named_by_items() {
    let told = || answered(llm("b").at(2, 3).told(&[("call_1", "x"), ("call_2", "y")]), "r-b");
    let trace = derive([asking("a", 0, &["fc_7", "fc_8"]), tool("t", "f").at(1, 2), told()]);
    assert_eq!(row(&trace, "t").tool_call_id.as_deref(), Some("call_1"));
    assert_eq!(row(&trace, "b").previous_response_id.as_deref(), Some("r-a"));
    let parts = &row(&trace, "a").output_messages.as_ref().unwrap()[0].parts;
    let ids: Vec<_> = parts.iter().map(|part| json!(part)["id"].clone()).collect();
    assert_eq!(ids, ["call_1", "call_2"]);
    for other in [asking("a", 0, &["fc_7"]), asking("a", 0, &["fc_7", "c2"])] {
        assert_eq!(row(&derive([other, told()]), "b").previous_response_id, None);
    }
}

#[test]
fn the_first_call_of_a_run_goes_on_from_what_the_run_does() {
    let run = |id: &str| {
        let agent = agent("run").at(0, 9).mapped(|mapped| mapped.previous_response_id = Some(id.to_owned()));
        let first = answered(llm("a").under("run").at(1, 2).question("And Oslo?").answer("7"), "r-a");
        let second = answered(llm("b").under("run").at(3, 4).question("And Rome?").answer("9"), "r-b");
        derive([agent, first, second])
    };
    let trace = run("r-before");
    assert_eq!(row(&trace, "a").previous_response_id.as_deref(), Some("r-before"));
    assert_eq!(row(&trace, "a").source_keys["previous_response_id"], "span:run");
    assert_eq!(row(&trace, "b").previous_response_id, None);
    // Some name a conversation by its latest response.
    assert_eq!(row(&run("r-b"), "a").previous_response_id, None);
}
