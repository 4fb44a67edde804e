use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use crate::mapped::Mapped;

fn generation(mut fields: Value) -> Mapped {
    fields["langfuse.observation.type"] = json!("generation");
    map(&span(fields))
}

#[test]
fn a_generation_of_the_openai_wrapper() {
    let request = json!({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Oslo?"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]});
    let answer = json!({"role": "assistant", "content": null,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]});
    let mapped = generation(json!({
        "langfuse.observation.input": request.to_string(), "langfuse.observation.output": answer.to_string(),
        "langfuse.observation.model.name": "m-1",
        "langfuse.observation.model.parameters": "{\"temperature\": 0.2, \"max_tokens\": \"Infinity\", \"response_format\": \"\"}",
        "langfuse.observation.usage_details":
            "{\"prompt_tokens\": 9, \"completion_tokens\": 4, \"prompt_tokens_details\": {\"cached_tokens\": 5}}",
        "langfuse.observation.cost_details": "{\"input\": 0.5, \"output\": 0.25}",
        "langfuse.version": "v7", "session.id": "s", "user.id": "u"}));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Llm), Some("langfuse")));
    assert_eq!(mapped.model.as_deref(), Some("m-1"));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "Oslo?"}]}]));
    assert_eq!(
        output(&mapped)[0]["parts"][0],
        json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}})
    );
    assert_eq!(mapped.parameters, json!({"temperature": 0.2}).as_object().cloned());
    assert_eq!((mapped.input_tokens, mapped.output_tokens, mapped.cached_tokens), (Some(9), Some(4), Some(5)));
    assert_eq!((mapped.cost_usd, mapped.agent_version.as_deref()), (Some(0.75), Some("v7")));
    assert_eq!((mapped.session_key, mapped.user_key.as_deref()), (Some((0, "s".into())), Some("u")));
    assert_eq!(mapped.source_keys["input_tokens"], "langfuse.observation.usage_details");
    assert_eq!(mapped.source_keys["tool_definitions"], "langfuse.observation.input");
}

/// Guarantees: the canonical input includes cached tokens, the output includes reasoning, however the buckets were filled.
#[test]
fn buckets_exclude_each_other_unless_the_total_says_otherwise() {
    let cases = [
        (json!({"input": 85, "output": 10, "total": 137, "input_cached_tokens": 42}), (127, 10)),
        (json!({"input": 24, "output": 9, "total": 57, "output_reasoning_tokens": 24}), (24, 33)),
        (json!({"input": 12, "output": 5, "total": 17, "cache_read_input_tokens": 4}), (12, 5)),
        (json!({"input": 3, "output": 2, "cache_read_input_tokens": 1}), (4, 2)),
        (json!({"input": 3, "output": 9, "input_cache_read": 4, "output_reasoning": 2, "total": 16}), (7, 9)),
        (
            json!({"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 1, "cache_creation_input_tokens": 6}),
            (10, 2),
        ),
    ];
    for (usage, (input, output)) in cases {
        let mapped = generation(json!({"langfuse.observation.usage_details": usage.to_string()}));
        assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(input), Some(output)), "{usage}");
    }
}

#[test]
fn types_and_what_stands_for_them() {
    let kinds = [
        ("agent", SpanKind::Agent),
        ("tool", SpanKind::Tool),
        ("chain", SpanKind::Chain),
        ("retriever", SpanKind::Retriever),
        ("embedding", SpanKind::Embedding),
        ("guardrail", SpanKind::Guardrail),
        ("evaluator", SpanKind::Evaluator),
        ("event", SpanKind::Chain),
        ("span", SpanKind::Chain),
    ];
    for (declared, kind) in kinds {
        assert_eq!(map(&span(json!({"langfuse.observation.type": declared}))).kind, Some(kind), "{declared}");
    }
    let old = json!({"langfuse.observation.type": "span", "langfuse.observation.model.name": "m"});
    assert_eq!(map(&span(old)).kind, Some(SpanKind::Llm), "Python up to 3.3");
    let shared = json!({"langfuse.observation.type": "span", "openinference.span.kind": "TOOL"});
    assert_eq!(map(&span(shared)).kind, Some(SpanKind::Tool), "a plain span says nothing");
    let embedding =
        json!({"langfuse.observation.model.name": "text-embedding-3-small", "langfuse.observation.output": ""});
    assert_eq!(generation(embedding).kind, Some(SpanKind::Embedding));
}

#[test]
fn tools_that_the_langchain_handler_appends_are_definitions() {
    let prompt = json!([{"role": "user", "content": "q"},
        {"role": "tool", "content": {"type": "function", "function": {"name": "f", "parameters": {}}}}]);
    let answer = json!({"role": "assistant", "content": "", "additional_kwargs": {"tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        "tool_calls": [{"name": "f", "args": {}, "id": "c1", "type": "tool_call"}]});
    let mapped = generation(json!({"langfuse.observation.input": prompt.to_string(),
        "langfuse.observation.output": answer.to_string(), "langfuse.observation.metadata.ls_provider": "openai",
        "langfuse.observation.metadata.langfuse_session_id": "\"s\""}));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "q"}]}]));
    assert_eq!(mapped.tool_definitions, Some(json!([{"type": "function", "name": "f"}])));
    assert_eq!(output(&mapped)[0]["parts"].as_array().map(Vec::len), Some(1), "one copy of the call");
    assert_eq!(mapped.provider.as_deref(), Some("openai"));
    assert_eq!(mapped.session_key, Some((0, "s".into())));
}

#[test]
fn the_model_asked_for_is_among_langchains_metadata() {
    let mapped = generation(json!({"langfuse.observation.model.name": "gpt-4o-mini-2024-07-18",
        "langfuse.observation.metadata.ls_model_name": "gpt-4o-mini"}));
    assert_eq!(mapped.model.as_deref(), Some("gpt-4o-mini"));
    assert_eq!(mapped.response_model.as_deref(), Some("gpt-4o-mini-2024-07-18"));
    let other =
        generation(json!({"langfuse.observation.model.name": "m", "langfuse.observation.metadata.ls_model_name": "n"}));
    assert_eq!((other.model.as_deref(), other.response_model), (Some("m"), None));
}

#[test]
fn the_responses_api_in_javascript_keeps_the_request_in_metadata() {
    let items = json!([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "hi"}]}]);
    let mapped =
        generation(json!({"langfuse.observation.input": "hello", "langfuse.observation.output": items.to_string(),
        "langfuse.observation.metadata.instructions": "Be brief.",
        "langfuse.observation.metadata.reasoning": "{\"effort\": \"low\", \"summary\": null}",
        "langfuse.observation.metadata.tools": "[{\"type\": \"function\", \"name\": \"f\"}]"}));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(output(&mapped)[0]["parts"][0], json!({"type": "reasoning", "content": "hm", "kind": "summary"}));
    assert_eq!(output(&mapped).as_array().map(Vec::len), Some(1));
    assert_eq!(mapped.finish_reason.as_deref(), Some("stop"));
    assert_eq!(mapped.parameters.map(Value::Object), Some(json!({"reasoning": {"effort": "low", "summary": null}})));
    assert!(mapped.tool_definitions.is_some());
}

#[test]
fn a_level_tells_a_failure_that_the_status_does_not() {
    let failed = json!({"langfuse.observation.level": "ERROR", "langfuse.observation.status_message": "429"});
    assert_eq!(generation(failed).error.as_deref(), Some("429"));
    assert_eq!(generation(json!({"langfuse.observation.level": "WARNING"})).error, None);
}

#[test]
fn an_item_of_an_experiment_is_a_task_and_a_run_one_try() {
    let item = json!({"langfuse.observation.type": "span", "langfuse.observation.input": "q",
        "langfuse.experiment.id": "e", "langfuse.experiment.item.id": "i"});
    let mapped = map(&span(item));
    assert_eq!((mapped.rollout_key.as_deref(), mapped.attempt_key.as_deref()), (Some("i"), Some("e")));
    assert_eq!(mapped.input_text.as_deref(), Some("q"));
}

#[test]
fn keys_copied_onto_foreign_spans_make_no_observation() {
    let copied = map(&span(json!({"langfuse.version": "2", "langfuse.trace.name": "t", "langfuse.session.id": "s"})));
    assert_eq!((copied.convention, copied.kind), (None, None));
    assert_eq!(copied.unmapped_reason, Some("no_known_attributes"));
    assert_eq!(copied.session_key, Some((0, "s".into())));
}

#[test]
fn the_first_versions_quote_text_and_have_no_word_for_tools() {
    let tool = json!({"langfuse.observation.type": "span", "langfuse.observation.input": "\"{'city': 'Paris'}\"",
        "langfuse.observation.output": "\"sunny\"", "langfuse.observation.metadata.inputs": "{\"city\": \"Paris\"}",
        "langfuse.observation.metadata.color": "\"green\""});
    let of_version = |version: &str, attributes: &serde_json::Value| {
        let mut observation = span(attributes.clone());
        observation.span.scope.name = "langfuse-sdk".to_owned();
        observation.span.scope.version = version.to_owned();
        map(&observation)
    };
    let mapped = of_version("3.0.0", &tool);
    assert_eq!(mapped.kind, Some(SpanKind::Tool));
    assert_eq!((mapped.tool_arguments, mapped.tool_result), (Some(json!({"city": "Paris"})), Some(json!("sunny"))));
    let call = json!({"langfuse.observation.type": "generation", "langfuse.observation.output": "\"Hello.\""});
    let answer = |version: &str| output(&of_version(version, &call))[0]["parts"][0]["content"].clone();
    assert_eq!(
        (answer("3.1.3"), answer("3.2.7")),
        (json!("Hello."), json!("\"Hello.\"")),
        "quotes are the answer's own"
    );
}

#[test]
fn a_step_of_langchain_tells_why_its_model_ended() {
    let step = |output: Value| {
        let fields = json!({"langfuse.observation.type": "chain", "langfuse.observation.output": output.to_string()});
        map(&span(fields)).finish_reason
    };
    let message = |metadata: Value| json!({"content": "a", "type": "ai", "response_metadata": metadata});
    let ended = message(json!({"finish_reason": "stop"}));
    assert_eq!(step(ended.clone()).as_deref(), Some("stop"));
    assert_eq!(step(json!({"messages": [{"type": "human", "content": "q"}, ended]})).as_deref(), Some("stop"));
    let update = json!([{"graph": null, "update": {"messages": [message(json!({"stop_reason": "max_tokens"}))]}}]);
    assert_eq!(step(update).as_deref(), Some("length"));
    let serialized = json!({"lc": 1, "id": ["langchain_core", "messages", "AIMessage"], "kwargs": message(json!({"finish_reason": "stop"}))});
    assert_eq!(step(serialized).as_deref(), Some("stop"));
    assert_eq!(step(json!({"messages": [{"type": "human", "content": "q"}]})), None);
}

#[test]
fn the_run_of_langchain_s_agent_is_an_agent() {
    let read = |name: &str| {
        let mut run = span(json!({"langfuse.observation.type": "chain",
            "langfuse.observation.metadata.lc_agent_name": "\"skylark\""}));
        run.span.name = name.into();
        let mapped = map(&run);
        (mapped.kind, mapped.agent_name)
    };
    assert_eq!(read("skylark"), (Some(SpanKind::Agent), Some("skylark".into())));
    assert_eq!(read("model").0, Some(SpanKind::Chain));
}
