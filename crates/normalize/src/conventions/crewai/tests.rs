use gleaner_model::SpanKind;
use serde_json::{Value, json};

use crate::conventions::map;
use crate::conventions::tests::{output, span};

#[test]
fn a_task_is_a_step_that_an_agent_does() {
    let task = map(&span(json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "crewai",
        "traceloop.span.kind": "task", "crewai.task.description": "Find out.", "crewai.task.agent": "Expert",
        "traceloop.entity.output": "Found."})));
    assert_eq!((task.kind, task.agent_name.as_deref()), (Some(SpanKind::Chain), Some("Expert")));
    assert_eq!((task.input_text.as_deref(), task.output_text.as_deref()), (Some("Find out."), Some("Found.")));
    let agent = map(&span(json!({"traceloop.span.kind": "agent", "gen_ai.system": "crewai",
        "crewai.agent.role": "Expert", "gen_ai.request.model": "gpt-4o-mini"})));
    assert_eq!((agent.kind, agent.agent_name.as_deref()), (Some(SpanKind::Agent), Some("Expert")));
    assert_eq!(agent.provider, None);
}

#[test]
fn a_crew_tells_its_result_and_its_only_task() {
    let crew = |tasks: serde_json::Value| {
        map(&span(
            json!({"gen_ai.operation.name": "invoke_agent", "crewai.crew.name": "crew", "crewai.crew.result": "Found.",
            "crewai.crew.tasks": tasks.to_string()}),
        ))
    };
    let one = crew(json!([{"description": "Find out.", "agent": "Expert"}]));
    assert_eq!((one.kind, one.input_text.as_deref()), (Some(SpanKind::Agent), Some("Find out.")));
    assert_eq!(one.output_text.as_deref(), Some("Found."));
    assert_eq!(crew(json!([{"description": "a"}, {"description": "b"}])).input_text, None);
}

/// Guarantees: what a task's output holds of the conversation becomes the calls; of other outputs nothing is made.
#[test]
fn the_output_of_a_task_tells_of_its_calls() {
    let call = json!({"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{\"at\": 1}"}});
    let asked = json!([{"role": "system", "content": "You are Guide."}, {"role": "user", "content": "Rain?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": "look", "content": "wet"}]);
    let told = |output: Value| {
        super::told(&span(json!({"openinference.span.kind": "AGENT", "output.value": output.to_string()})))
    };
    let calls = told(json!({"expected_output": "weather", "raw": "Yes.", "messages": asked}));
    assert_eq!(calls.len(), 2);
    let call = json!({"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": 1}});
    assert_eq!(output(&calls[0])[0]["parts"], json!([call]));
    assert_eq!(output(&calls[1])[0]["parts"], json!([{"type": "text", "content": "Yes."}]));
    assert!(calls.iter().all(|call| call.system_prompt.as_deref() == Some("You are Guide.")));
    assert_eq!(calls[1].input_messages.as_ref().map(Vec::len), Some(3));
    let answered = json!([{"role": "user", "content": "Rain?"}, {"role": "assistant", "content": "Yes."}]);
    assert_eq!(told(json!({"expected_output": "weather", "raw": "Yes.", "messages": answered})).len(), 1);
    assert!(told(json!({"raw": "Yes."})).is_empty());
}

#[test]
fn a_crew_is_called_by_its_name() {
    let crew = map(&span(json!({"gen_ai.operation.name": "invoke_agent", "crewai.crew.name": "crew"})));
    assert_eq!((crew.kind, crew.agent_name.as_deref()), (Some(SpanKind::Agent), Some("crew")));
}
