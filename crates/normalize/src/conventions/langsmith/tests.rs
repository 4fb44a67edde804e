use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use crate::mapped::Mapped;

fn run(kind: &str, prompt: &Value, completion: &Value) -> Mapped {
    map(&span(json!({"langsmith.span.kind": kind, "gen_ai.operation.name": "chat",
        "gen_ai.prompt": prompt.to_string(), "gen_ai.completion": completion.to_string()})))
}

#[test]
fn a_call_of_the_openai_wrapper() {
    let request = json!({"model": "m", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "q"}]});
    let response = json!({"id": "r1", "model": "m-1", "usage_metadata": {"input_tokens": 9, "output_tokens": 2},
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a"}}]});
    let mapped = map(&span(json!({"langsmith.span.kind": "LLM", "gen_ai.operation.name": "chat",
        "langsmith.trace.session_name": "project", "langsmith.trace.session_id": "tracing-project",
        "gen_ai.prompt": request.to_string(), "gen_ai.completion": response.to_string(),
        "gen_ai.usage.input_token_details": "{'audio': 0, 'cache_read': 4}",
        "gen_ai.usage.output_token_details": "{\"reasoning\":1}",
        "langsmith.metadata.ls_provider": "openai", "langsmith.metadata.thread_id": "t", "langsmith.metadata.user_id": "u"})));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Llm), Some("langsmith")));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped)[0]["parts"][0]["content"], "q");
    assert_eq!(output(&mapped)[0]["finish_reason"], "stop");
    assert_eq!((mapped.response_id.as_deref(), mapped.model.as_deref()), (Some("r1"), Some("m")));
    assert_eq!((mapped.input_tokens, mapped.cached_tokens, mapped.reasoning_tokens), (Some(9), Some(4), Some(1)));
    assert_eq!(mapped.provider.as_deref(), Some("openai"));
    assert_eq!((mapped.session_key, mapped.user_key.as_deref()), (Some((1, "t".into())), Some("u")));
}

#[test]
fn langchain_serializations_as_bytes() {
    let prompt = json!({"messages": [[
        {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "SystemMessage"], "kwargs": {"content": "s"}},
        {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"], "kwargs": {"content": "q"}},
    ]]});
    let completion = json!({"generations": [[{"text": "", "message": {"lc": 1, "type": "constructor",
        "id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": {"content": "",
            "tool_calls": [{"name": "f", "args": {"x": 1}, "id": "c1", "type": "tool_call"}],
            "usage_metadata": {"input_tokens": 7, "output_tokens": 3, "input_token_details": {"cache_read": 2}},
            "response_metadata": {"finish_reason": "tool_calls"}}}}]], "llm_output": null});
    let bytes = |value: &Value| json!({"$bytes": STANDARD.encode(value.to_string())});
    let mapped = map(&span(json!({"langsmith.span.kind": "llm", "gen_ai.prompt": bytes(&prompt),
        "gen_ai.completion": bytes(&completion), "langsmith.metadata.ls_model_name": "m"})));
    assert_eq!(mapped.system_prompt.as_deref(), Some("s"));
    assert_eq!(input(&mapped)[0]["parts"][0]["content"], "q");
    assert_eq!(
        output(&mapped)[0]["parts"][0],
        json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}})
    );
    assert_eq!((mapped.input_tokens, mapped.output_tokens, mapped.cached_tokens), (Some(7), Some(3), Some(2)));
    assert_eq!((mapped.finish_reason.as_deref(), mapped.model.as_deref()), (Some("tool_call"), Some("m")));
}

/// The exporter says `chat` for prompts and `embeddings` for retrievers.
#[test]
fn the_kind_of_the_run_beats_the_operation() {
    for (declared, kind) in [
        ("prompt", SpanKind::Chain),
        ("parser", SpanKind::Chain),
        ("chain", SpanKind::Chain),
        ("retriever", SpanKind::Retriever),
        ("Tool", SpanKind::Tool),
        ("embedding", SpanKind::Embedding),
    ] {
        assert_eq!(run(declared, &json!({"a": 1}), &json!({"b": 2})).kind, Some(kind), "{declared}");
    }
}

#[test]
fn tools_and_chains() {
    let tool = run("tool", &json!({"input": "{\"city\": \"Oslo\"}"}), &json!({"output": "snow"}));
    assert_eq!((tool.tool_arguments, tool.tool_result), (Some(json!({"city": "Oslo"})), Some(json!("snow"))));
    let chain = run("chain", &json!({}), &json!({"outputs": "done"}));
    assert_eq!((chain.input_text, chain.output_text.as_deref()), (None, Some("done")));
}

/// Guarantees: an input that was serialized after the call holds neither its answer nor what followed.
#[test]
fn a_late_input_is_cut_at_the_answer() {
    let user = |text: &str| json!({"role": "user", "content": text});
    let call = json!({"role": "assistant", "content": null,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let result = json!({"role": "tool", "tool_call_id": "c1", "content": "7"});
    let answer = json!({"role": "assistant", "content": "seven"});
    let completion = |message: &Value| json!({"choices": [{"message": message}]});
    let length = |prompt: Value, message: &Value| {
        input(&run("llm", &json!({"messages": prompt}), &completion(message))).as_array().map(Vec::len)
    };
    assert_eq!(length(json!([user("q"), call, result]), &call), Some(1));
    assert_eq!(length(json!([user("q"), call, result, answer, user("more"), answer]), &answer), Some(3));
    // A model may say the same twice.
    assert_eq!(length(json!([user("q"), answer, user("again")]), &answer), Some(3));
}

#[test]
fn the_state_of_a_graph_is_answered_by_its_last_message() {
    let question = json!({"type": "human", "content": "Weather in Paris?"});
    let asks =
        json!({"type": "ai", "content": "", "tool_calls": [{"id": "c", "name": "f", "args": {}, "type": "tool_call"}]});
    let result = json!({"type": "tool", "content": "sunny", "tool_call_id": "c"});
    let answer = json!({"type": "ai", "content": "It is sunny."});
    let before = json!({"type": "ai", "content": "Hello."});
    let given = json!({"messages": [question]});
    let state = json!({"messages": [before, question, asks, result, answer]});
    let run_of = |completion: &Value| run("chain", &given, completion);
    let mapped = run_of(&state);
    assert_eq!(mapped.kind, Some(SpanKind::Chain));
    assert_eq!(
        (mapped.input_text.as_deref(), mapped.output_text.as_deref()),
        (Some("Weather in Paris?"), Some("It is sunny."))
    );
    assert_eq!(mapped.output_messages, None, "a run's state is no answer of a model's");
    assert_eq!(run_of(&json!({"output": null})).output_text, None);
}

#[test]
fn a_call_that_failed_has_no_answer() {
    let request = json!({"model": "m", "messages": [{"role": "user", "content": "q"}]});
    let empty = json!({"generations": [[{"text": "", "message": {"lc": 1, "type": "constructor",
        "id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": {"content": "", "tool_calls": []}}}]],
        "llm_output": null, "type": "LLMResult"});
    for nothing in [json!({"output": null}), empty] {
        let mapped = run("llm", &request, &nothing);
        assert_eq!((mapped.output_messages, mapped.output_text), (None, None), "{nothing}");
    }
}

#[test]
fn a_parser_tells_of_the_call_whose_answer_it_was_given() {
    let answer = json!({"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "AIMessage"], "kwargs": {
        "content": "{\"a\": 1}", "id": "chatcmpl-1", "tool_calls": [],
        "response_metadata": {"finish_reason": "stop", "model_name": "m-1"},
        "usage_metadata": {"input_tokens": 15, "output_tokens": 9}}});
    let parser = |prompt: &Value| {
        span(
            json!({"langsmith.span.kind": "parser", "gen_ai.operation.name": "parser", "gen_ai.prompt": prompt.to_string()}),
        )
    };
    let calls = super::told(&parser(&answer));
    let [call] = calls.as_slice() else { panic!("{} calls", calls.len()) };
    assert_eq!((call.kind, call.response_id.as_deref()), (Some(SpanKind::Llm), Some("chatcmpl-1")));
    assert_eq!((call.input_tokens, call.output_tokens), (Some(15), Some(9)));
    assert_eq!((call.response_model.as_deref(), call.finish_reason.as_deref()), (Some("m-1"), Some("stop")));
    assert_eq!(output(call)[0]["parts"][0]["content"], "{\"a\": 1}");
    assert_eq!(super::told(&parser(&json!({"input": "text"}))), []);
}

/// Guarantees: usage that no key tells is read from the run's metadata; keys that tell it are believed.
#[test]
fn usage_may_stand_in_the_metadata_alone() {
    let usage = json!({"input_tokens": 317, "output_tokens": 113, "input_token_details": {"cache_read": 4},
        "output_token_details": {"reasoning": 5}});
    let mut run = json!({"langsmith.span.kind": "llm", "langsmith.usage_metadata": usage.to_string()});
    let mapped = map(&span(run.clone()));
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(317), Some(113)));
    assert_eq!((mapped.cached_tokens, mapped.reasoning_tokens), (Some(4), Some(5)));
    assert_eq!(mapped.source_keys["input_tokens"], "langsmith.usage_metadata");
    run["gen_ai.usage.input_tokens"] = json!(300);
    assert_eq!(map(&span(run)).input_tokens, Some(300));
}

/// Guarantees: where another key names the model that answered, the run's metadata says which was asked for.
#[test]
fn the_metadata_names_the_model_that_was_asked_for() {
    let mapped = map(&span(json!({"langsmith.span.kind": "llm", "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-2024-08-06", "langsmith.metadata.ls_model_name": "gpt-4o"})));
    let models = (mapped.model.as_deref(), mapped.response_model.as_deref());
    assert_eq!(models, (Some("gpt-4o"), Some("gpt-4o-2024-08-06")));
}
