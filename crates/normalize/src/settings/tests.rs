use super::*;
use crate::derive::fixtures::{TestSpan, agent, derive, llm, tool};

fn settings() -> Settings {
    let prices = PriceTable::parse("[[price]]\nmodels = ['m']\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 2\n");
    let date = LiftPattern { name: "date".into(), pattern: r"\d{4}-\d{2}-\d{2}".into() };
    Settings { prices: prices.expect("a table"), prompt_patterns: PromptPatterns::new(&[date]).expect("a pattern") }
}

fn applied(spans: impl IntoIterator<Item = TestSpan>) -> DerivedTrace {
    let mut trace = derive(spans);
    settings().apply(&mut trace);
    trace
}

fn call(id: &str) -> TestSpan {
    llm(id).at(1, 2).tokens(1_000_000, 1_000_000)
}

#[test]
fn calls_are_priced_and_attempts_add_up() {
    let reported = call("r").mapped(|mapped| mapped.cost_usd = Some(0.25));
    let trace = applied([call("a"), reported]);
    assert_eq!(trace.attempts[0].cost_usd, Some(3.25), "what the telemetry says stands");
    let priced = trace.spans.iter().find(|span| span.span_id == "a").expect("a span");
    assert_eq!(priced.source_keys["cost_usd"], "prices: m undated");
}

/// Guarantees: an unknown model gives no cost, never zero; and an attempt never looks cheaper than it was.
#[test]
fn an_attempt_with_an_unknown_cost_has_none() {
    let unknown = || call("u").mapped(|mapped| mapped.model = Some("unknown".into()));
    assert_eq!(applied([call("a"), unknown()]).attempts[0].cost_usd, None);
    let failed = llm("f").at(3, 4).status(2, "429");
    assert_eq!(applied([call("a"), failed]).attempts[0].cost_usd, Some(3.0), "a refused call costs nothing");
}

/// Guarantees: a date in the prompt makes no version per run; a change of the prompt's own words makes one.
#[test]
fn a_changing_date_makes_no_version() {
    let definition = |prompt: &str| {
        let call = call("a").mapped(|mapped| mapped.system_prompt = Some(prompt.into()));
        applied([call]).attempts[0].definition.clone().expect("a definition")
    };
    let monday = definition("Today is 2026-02-16. Be brief.");
    assert_eq!(monday.prompt_template.as_deref(), Some("Today is {date}. Be brief."));
    assert_eq!(monday.system_prompt.as_deref(), Some("Today is 2026-02-16. Be brief."));
    assert_eq!(monday.agent_definition_id, definition("Today is 2026-02-17. Be brief.").agent_definition_id);
    assert_ne!(monday.agent_definition_id, definition("Today is 2026-02-16. Be long.").agent_definition_id);
    assert_eq!(definition("Be brief.").prompt_template, None);
}

#[test]
fn sub_agents_have_definitions_of_their_own() {
    let prompt = |span: TestSpan, prompt: &str| span.mapped(|mapped| mapped.system_prompt = Some(prompt.into()));
    let trace = applied([
        agent("a").named("writer").at(0, 99),
        prompt(call("m"), "You write.").under("a").at(1, 2),
        tool("t", "check").under("a").at(3, 9),
        agent("s").named("checker").under("t").at(3, 9),
        prompt(call("c1"), "You check. 2026-02-16").under("s").at(4, 5),
        prompt(call("c2"), "You check. 2026-02-16").under("s").at(6, 7),
    ]);
    let [attempt] = &trace.attempts[..] else { panic!("one attempt") };
    assert_eq!(attempt.definition.as_ref().and_then(|d| d.agent_name.as_deref()), Some("writer"));
    let [sub] = &attempt.sub_agents[..] else { panic!("one sub-agent") };
    assert_eq!((sub.span_id.as_str(), sub.start_time_unix_nano), ("s", 4));
    assert_eq!(sub.definition.agent_name.as_deref(), Some("checker"));
    assert_eq!(sub.definition.prompt_template.as_deref(), Some("You check. {date}"));
}
