//! What an agent is: name, system prompt, tools, model, parameters and flow, as seen in its first model call.
//!
//! Identity is the content ([`definition_id`]); versions that clients name are labels. Where the settings lift what changes
//! from run to run out of the prompt, the template stands for the prompt.

use gleaner_model::{AgentDefinition, Span, canonical_json, derive_id};
use serde_json::{Map, Value, json};

use crate::attribution::keys::{self, KeyFinder};

/// What a convention records of the agent that a call belongs to.
pub(super) struct Recorded {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
}

/// The root agent, read from its first call. The `gleaner.agent.*` keys win.
pub(super) fn agent_definition(
    project: &str,
    finder: &mut KeyFinder<'_, '_>,
    place: usize,
    call: &Span,
    recorded: Recorded,
) -> AgentDefinition {
    let mut key = |key| finder.at(place, key).map(|found| found.value);
    let agent_name = key(keys::AGENT_NAME).or(recorded.name);
    let flow = key(keys::AGENT_FLOW);
    let mut version_labels: Vec<String> = key(keys::AGENT_VERSION).into_iter().chain(recorded.version).collect();
    version_labels.dedup();
    definition(project, call, agent_name, version_labels, flow)
}

/// An agent below it. The keys above it name the root agent, so that only what the library records counts.
pub(super) fn sub_agent_definition(project: &str, call: &Span, recorded: Recorded) -> AgentDefinition {
    definition(project, call, recorded.name, recorded.version.into_iter().collect(), None)
}

fn definition(
    project: &str,
    call: &Span,
    agent_name: Option<String>,
    version_labels: Vec<String>,
    flow: Option<String>,
) -> AgentDefinition {
    let mut definition = AgentDefinition {
        agent_definition_id: String::new(),
        agent_name,
        version_labels,
        system_prompt: call.system_prompt.clone(),
        prompt_template: None,
        tools: call.tool_definitions.as_ref().and_then(sorted_tools),
        flow,
        parameters: call.parameters.as_ref().map(agent_parameters).filter(|parameters| !parameters.is_empty()),
        model: call.model.clone().or_else(|| call.response_model.clone()),
    };
    definition.agent_definition_id = definition_id(project, &definition);
    definition
}

/// Hash of what makes the agent; the template, where there is one, in place of the prompt.
pub(crate) fn definition_id(project: &str, definition: &AgentDefinition) -> String {
    let AgentDefinition { agent_name, tools, model, parameters, flow, .. } = definition;
    let prompt = definition.prompt_template.as_ref().or(definition.system_prompt.as_ref());
    let content = json!({
        "agent_name": agent_name, "system_prompt": prompt, "tools": tools,
        "model": model, "parameters": parameters, "flow": flow,
    });
    derive_id("agent_definition", &[project, &canonical_json(&content)])
}

/// No tools and an empty list are the same agent.
fn sorted_tools(tools: &Value) -> Option<Value> {
    let mut tools = tools.as_array().filter(|tools| !tools.is_empty())?.clone();
    tools.sort_by_cached_key(|tool| {
        (tool.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(), canonical_json(tool))
    });
    Some(Value::Array(tools))
}

/// Parameters that name the caller, the conversation or the transport are not the agent's.
fn agent_parameters(parameters: &Map<String, Value>) -> Map<String, Value> {
    const NOT_THE_AGENT_S: [&str; 15] = [
        "api_base",
        "api_key",
        "api_version",
        "base_url",
        "conversation",
        "extra_headers",
        "http_options",
        "max_retries",
        "metadata",
        "num_retries",
        "prompt_cache_key",
        "safety_identifier",
        "stream",
        "stream_options",
        "user",
    ];
    let mut own = parameters.clone();
    own.retain(|name, value| !NOT_THE_AGENT_S.contains(&name.as_str()) && !value.is_null());
    own
}
