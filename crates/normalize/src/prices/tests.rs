use super::*;
use crate::derive::fixtures::{TestSpan, derive, llm};

const DAY_NANOS: u64 = 86_400 * 1_000_000_000;

fn table(text: &str) -> PriceTable {
    PriceTable::parse(text).expect("a table")
}

fn small() -> PriceTable {
    table(
        "[[price]]\nmodels = ['fox']\nfrom = 1970-01-02\ninput_usd_per_mtok = 2\ncached_input_usd_per_mtok = 0.5\n\
         output_usd_per_mtok = 8\n\
         [[price]]\nmodels = ['fox']\nfrom = 1970-01-11\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 4\n\
         [[price]]\nmodels = ['reader']\nprovider = 'den'\ninput_usd_per_mtok = 10\n",
    )
}

fn cost(table: &PriceTable, span: TestSpan) -> Option<f64> {
    table.cost_usd(&derive([span]).spans[0]).map(|(cost, _)| cost)
}

fn call(model: &str, day: u64) -> TestSpan {
    let start = day * DAY_NANOS;
    llm("c").at(start, start + 1).tokens(1_000_000, 100_000).mapped(|mapped| mapped.model = Some(model.into()))
}

#[test]
fn the_latest_price_of_the_day_counts() {
    let table = small();
    assert_eq!(cost(&table, call("fox", 0)), None, "before its first price");
    assert_eq!(cost(&table, call("fox", 1)), Some(2.8));
    assert_eq!(cost(&table, call("fox", 9)), Some(2.8));
    assert_eq!(cost(&table, call("fox", 10)), Some(1.4));
}

#[test]
fn what_is_not_known_has_no_cost() {
    let table = small();
    assert_eq!(cost(&table, call("wolf", 1)), None);
    assert_eq!(cost(&table, call("fox", 1).mapped(|mapped| mapped.input_tokens = None)), None);
    assert_eq!(cost(&table, call("fox", 1).mapped(|mapped| mapped.output_tokens = None)), None);
    let by = |provider: &str| call("reader", 1).mapped(|mapped| mapped.provider = Some(provider.into()));
    assert_eq!(cost(&table, by("den")), Some(10.0), "it only reads");
    assert_eq!(cost(&table, by("other")), None);
}

#[test]
fn cached_and_written_tokens_have_prices_of_their_own() {
    let cached = call("fox", 1).mapped(|mapped| mapped.cached_tokens = Some(500_000));
    assert_eq!(cost(&small(), cached), Some(1.0 + 0.25 + 0.8));
    let table = table(
        "[[price]]\nmodels = ['fox']\ninput_usd_per_mtok = 1\ncached_input_usd_per_mtok = 0\ncache_write_usd_per_mtok = 2\n\
         output_usd_per_mtok = 0\n",
    );
    let written = call("fox", 1)
        .attr("gen_ai.usage.cache_creation.input_tokens", 250_000)
        .mapped(|mapped| mapped.cached_tokens = Some(500_000));
    assert_eq!(cost(&table, written), Some(0.25 + 0.5));
}

#[test]
fn the_answering_model_is_asked_first() {
    let span = call("fox", 1).mapped(|mapped| mapped.response_model = Some("reader".into()));
    let (cost, source) = small().cost_usd(&derive([span]).spans[0]).expect("a price");
    assert_eq!((cost, source.as_str()), (10.0, "prices: reader undated"));
}

#[test]
fn one_model_has_many_names() {
    let known = ["gpt-4o", "gpt-4.1", "claude-sonnet-4-5", "gemini-2.5-pro", "claude-3-7-sonnet", "mistral-large"];
    for (sent, model) in [
        ("GPT-4o", "gpt-4o"),
        ("openai/gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4.1-2025-04-14", "gpt-4.1"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("bedrock/anthropic.claude-3-7-sonnet-20250219-v1:0", "claude-3-7-sonnet"),
        ("claude-3-7-sonnet-latest", "claude-3-7-sonnet"),
        ("mistral-large-latest", "mistral-large"),
    ] {
        assert_eq!(
            names(sent).iter().find(|name| known.contains(&name.as_str())).map(String::as_str),
            Some(model),
            "{sent}"
        );
    }
    for other in ["gpt-4o-mini", "gpt-4o-audio-preview-2024-12-17", "gpt-4", "my-gpt-4o", "gpt-4.1-nano"] {
        assert!(!names(other).iter().any(|name| known.contains(&name.as_str())), "{other}");
    }
}

#[test]
fn dates_are_days_since_1970() {
    let days = |date: &str| midnight_unix_nano(&date.parse().expect("a date")).map(|nanos| nanos / DAY_NANOS);
    assert_eq!(days("1970-01-01"), Some(0));
    assert_eq!(days("2000-02-29"), Some(11_016));
    assert_eq!(days("2024-03-01"), Some(19_783));
    assert_eq!(days("1969-12-31"), None);
    assert_eq!(days("2024-03-01T00:00:00Z"), None);
}

#[test]
fn a_bad_table_is_refused_with_the_model_and_the_field() {
    for (text, wrong) in [
        ("[[price]]\nmodels = ['fox']\ninput_usd_per_mtok = -1\n", "fox: input_usd_per_mtok is -1, must be 0 or more"),
        ("[[price]]\nmodels = []\ninput_usd_per_mtok = 1\n", "models: must name a model"),
        (
            "[[price]]\nmodels = ['fox']\nfrom = 07:00:00\ninput_usd_per_mtok = 1\n",
            "fox: from is 07:00:00, must be a date",
        ),
        ("[[price]]\nmodels = ['fox']\ninput = 1\n", "unknown field `input`"),
    ] {
        let message = PriceTable::parse(text).expect_err("a bad table").to_string();
        assert!(message.contains(wrong), "{message}");
    }
}

/// Guarantees: the table that is built in can be read, and prices what people use.
#[test]
fn the_built_in_table_prices_common_models() {
    let table = table(include_str!("../../../../config/prices.toml"));
    let day = 20_500; // 2026-02-16
    for (model, usd) in
        [("gpt-4o-mini", 0.15 + 0.06), ("claude-sonnet-4-5-20250929", 3.0 + 1.5), ("gemini-2.5-pro", 2.25)]
    {
        let cost = cost(&table, call(model, day)).unwrap_or_default();
        assert!((cost - usd).abs() < 1e-9, "{model}: {cost}");
    }
}
