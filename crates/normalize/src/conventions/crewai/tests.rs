use gleaner_model::SpanKind;
use serde_json::json;

use crate::conventions::map;
use crate::conventions::tests::span;

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
