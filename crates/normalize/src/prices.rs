//! The price table: what a call costs by its model, provider, day and tokens.
//!
//! Prices are dated, so that a new price leaves the past as it was. A model that the table does not know has no cost. Which
//! names mean one model is decided by [`names`]: the name as sent first, then without what vendors and gateways put around it.

use std::collections::HashMap;

use gleaner_model::Span;
use serde::Deserialize;
use serde_json::Value;
use toml::value::Datetime;

use crate::SettingsError;
use crate::value::integer;

/// Attributes that count the tokens written to a provider's cache; they are part of the input tokens.
const CACHE_WRITE_KEYS: [&str; 4] = [
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
    "cache_creation_tokens",
];

/// Prices by model. Empty by default: nothing then has a price.
#[derive(Debug, Clone, Default)]
pub struct PriceTable {
    by_model: HashMap<String, Vec<Price>>,
    text: String,
}

/// One price of one model. USD for a million tokens.
#[derive(Debug, Clone, PartialEq)]
struct Price {
    provider: Option<String>,
    /// Nanoseconds since the Unix epoch; 0: since ever.
    from_unix_nano: u64,
    /// As written.
    from: Option<String>,
    input: f64,
    cached_input: f64,
    cache_write: f64,
    /// Absent for models that only read (embeddings).
    output: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    price: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    models: Vec<String>,
    provider: Option<String>,
    from: Option<Datetime>,
    input_usd_per_mtok: f64,
    cached_input_usd_per_mtok: Option<f64>,
    cache_write_usd_per_mtok: Option<f64>,
    output_usd_per_mtok: Option<f64>,
}

impl PriceTable {
    /// Reads a table in the form of `config/prices.toml`.
    ///
    /// # Errors
    /// When it is not of that form, a price is negative or not finite, or a date is none.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let file: File = toml::from_str(text).map_err(|error| SettingsError::Prices(error.to_string()))?;
        let mut by_model: HashMap<String, Vec<Price>> = HashMap::new();
        for entry in &file.price {
            let price = entry.price()?;
            for model in &entry.models {
                by_model.entry(model.to_lowercase()).or_default().push(price.clone());
            }
        }
        for prices in by_model.values_mut() {
            prices.sort_by_key(|price| price.from_unix_nano);
        }
        Ok(Self { by_model, text: text.to_owned() })
    }

    /// What a call cost in USD, and the price that says so (`prices: <model> <from>`). `None` where the model has no price on
    /// that day, or the tokens are not known.
    pub(crate) fn cost_usd(&self, span: &Span) -> Option<(f64, String)> {
        let (model, price) = self.price_of(span)?;
        let input = span.input_tokens?.max(0);
        let cached = span.cached_tokens.unwrap_or(0).clamp(0, input);
        let written = CACHE_WRITE_KEYS.iter().find_map(|key| integer(span.attributes.get(*key)?));
        let written = written.unwrap_or(0).clamp(0, input - cached);
        let output_usd = match price.output {
            Some(per_mtok) => span.output_tokens?.max(0) as f64 * per_mtok,
            None => 0.0,
        };
        let input_usd = (input - cached - written) as f64 * price.input
            + cached as f64 * price.cached_input
            + written as f64 * price.cache_write;
        let from = price.from.as_deref().unwrap_or("undated");
        Some(((input_usd + output_usd) / 1e6, format!("prices: {model} {from}")))
    }

    /// The answering model tells the price better than the requested one, whose name may be an alias.
    fn price_of(&self, span: &Span) -> Option<(String, &Price)> {
        let named = [span.response_model.as_deref(), span.model.as_deref()];
        named.into_iter().flatten().flat_map(names).find_map(|name| {
            let price = self.by_model.get(&name)?.iter().rev().find(|price| {
                let is_provider_s = match (&price.provider, &span.provider) {
                    (Some(priced), Some(provider)) => priced == provider,
                    _ => true,
                };
                is_provider_s && price.from_unix_nano <= span.start_time_unix_nano
            })?;
            Some((name, price))
        })
    }

    pub(crate) fn fingerprint(&self) -> Value {
        Value::String(self.text.clone())
    }
}

impl Entry {
    fn price(&self) -> Result<Price, SettingsError> {
        let model = self.models.first().ok_or_else(|| SettingsError::Prices("models: must name a model".to_owned()))?;
        let prices = [
            ("input_usd_per_mtok", Some(self.input_usd_per_mtok)),
            ("cached_input_usd_per_mtok", self.cached_input_usd_per_mtok),
            ("cache_write_usd_per_mtok", self.cache_write_usd_per_mtok),
            ("output_usd_per_mtok", self.output_usd_per_mtok),
        ];
        for (field, price) in prices {
            if let Some(price) = price.filter(|price| !price.is_finite() || *price < 0.0) {
                return Err(SettingsError::Prices(format!("{model}: {field} is {price}, must be 0 or more")));
            }
        }
        let from_unix_nano = match &self.from {
            None => 0,
            Some(from) => midnight_unix_nano(from).ok_or_else(|| {
                SettingsError::Prices(format!("{model}: from is {from}, must be a date from 1970 on, like 2025-08-07"))
            })?,
        };
        Ok(Price {
            provider: self.provider.clone(),
            from_unix_nano,
            from: self.from.map(|from| from.to_string()),
            input: self.input_usd_per_mtok,
            cached_input: self.cached_input_usd_per_mtok.unwrap_or(self.input_usd_per_mtok),
            cache_write: self.cache_write_usd_per_mtok.unwrap_or(self.input_usd_per_mtok),
            output: self.output_usd_per_mtok,
        })
    }
}

/// Midnight UTC of a date without a time. Days are counted by Hinnant's `days_from_civil`.
fn midnight_unix_nano(from: &Datetime) -> Option<u64> {
    let date = from.date.filter(|_| from.time.is_none() && from.offset.is_none())?;
    let month = i64::from(date.month);
    let year = i64::from(date.year) - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(date.day) - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    u64::try_from(days).ok()?.checked_mul(86_400 * 1_000_000_000)
}

/// The names that one model may stand under in the table, the most exact first: as sent; without a gateway's path
/// (`openai/gpt-4o`, `models/gemini-2.5-pro`), a region and vendor (`eu.anthropic.claude-…-v1:0`), a release date
/// (`-2024-08-06`, `-20250929`, `@20250929`) or `-latest`.
fn names(sent: &str) -> Vec<String> {
    const REGIONS: [&str; 6] = ["us", "eu", "apac", "global", "jp", "au"];
    let exact = sent.trim().to_lowercase();
    let mut name = exact.rsplit('/').next().unwrap_or(&exact).to_owned();
    let mut names = vec![exact, name.clone()];
    // A version such as `gpt-4.1` has a digit behind its dot, a vendor has not.
    while let Some((first, rest)) = name.split_once('.') {
        let is_vendor =
            first.bytes().all(|b| b.is_ascii_alphabetic()) && rest.starts_with(|c: char| c.is_ascii_alphabetic());
        if !is_vendor && !REGIONS.contains(&first) {
            break;
        }
        name = rest.to_owned();
        names.push(name.clone());
    }
    if let Some((base, _)) = name
        .rsplit_once("-v")
        .filter(|(_, version)| !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit() || b == b':'))
    {
        name = base.to_owned();
        names.push(name.clone());
    }
    if let Some(base) = without_release(&name) {
        names.push(base.to_owned());
    }
    names.dedup();
    names
}

fn without_release(name: &str) -> Option<&str> {
    if let Some(base) = name.strip_suffix("-latest") {
        return Some(base);
    }
    let is_digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if let Some((base, _)) = name.rsplit_once(['-', '@']).filter(|(_, date)| is_digits(date, 8)) {
        return Some(base);
    }
    let mut parts = name.rsplitn(4, '-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().filter(|_| is_digits(day, 2) && is_digits(month, 2) && is_digits(year, 4))
}

#[cfg(test)]
mod tests;
