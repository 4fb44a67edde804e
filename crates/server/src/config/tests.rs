use super::*;

/// The file is the documentation: what it shows as defaults must be the defaults.
#[test]
fn the_documented_defaults_are_the_defaults() {
    let documented: Config = toml::from_str(include_str!("../../../../config/gleaner.toml")).expect("parses");
    assert_eq!(documented, Config::default());
}

/// Every key that exists is documented: take each out of the file's text and it must be one the code knows, and vice versa.
#[test]
fn every_key_is_documented() {
    let documented: toml::Table = include_str!("../../../../config/gleaner.toml").parse().expect("parses");
    let keys = |table: &toml::Table| {
        let mut keys = Vec::new();
        walk("", table, &mut keys);
        keys
    };
    fn walk(prefix: &str, table: &toml::Table, keys: &mut Vec<String>) {
        for (key, value) in table {
            let path = format!("{prefix}{key}");
            match value {
                toml::Value::Table(inner) => walk(&format!("{path}."), inner, keys),
                _ => keys.push(path),
            }
        }
    }
    // Debug output of the defaults names every field once.
    let mut config = Config::default();
    // A list is one key.
    config.definitions.lift.clear();
    let debug = format!("{config:?}");
    for key in keys(&documented) {
        let field = key.rsplit('.').next().expect("a key");
        assert!(debug.contains(&format!("{field}: ")), "{key} is documented but unknown");
    }
    let fields = debug.matches(": ").count();
    // Sections count as fields in the debug output: otlp, grpc, http, api, connections, ingest, journal, loader, store, read, sql, feedback, prices,
    // definitions, pairs, shutdown, own_traces.
    assert_eq!(fields, keys(&documented).len() + 17, "a key is undocumented");
}

#[test]
fn an_unknown_key_is_an_error_that_names_it() {
    let error = toml::from_str::<Config>("[ingest]\nmax_request_size = 3\n").expect_err("unknown key");
    assert!(error.to_string().contains("max_request_size"), "{error}");
}

#[test]
fn a_value_out_of_range_is_an_error_that_names_key_and_bound() {
    let mut config = Config::default();
    config.ingest.max_in_flight_mib = 1;
    let error = config.check().expect_err("too small").to_string();
    assert_eq!(error, "ingest.max_in_flight_mib is 1, must be at least ingest.max_request_body_size_mib");
}

/// Guarantees: days, times and ids that a template is filled with make no version; other numbers do.
#[test]
fn the_default_patterns_lift_what_changes_by_itself() {
    let settings = Config::default().derive_settings().expect("the built-in settings");
    let definition = |prompt: &str| {
        let part = serde_json::json!({
            "attempt_id": "a", "rollout_id": "r", "lineage_id": "l", "session_id": "s", "trace_id": "t", "lineage_label": "A",
            "status": "ok", "start_time_unix_nano": 1, "end_time_unix_nano": 2, "llm_calls": 1, "llm_calls_failed": 0,
            "tool_calls": 0, "tool_calls_failed": 0, "artifacts": [],
            "definition": { "agent_definition_id": "d", "version_labels": [], "system_prompt": prompt }
        });
        let mut trace = gleaner_model::DerivedTrace {
            attempts: vec![serde_json::from_value(part).expect("a part")],
            ..gleaner_model::DerivedTrace::default()
        };
        settings.apply(&mut trace);
        trace.attempts.remove(0).definition.expect("a definition").prompt_template
    };
    for (prompt, template) in [
        ("Today is 2026-02-16.", Some("Today is {date}.")),
        ("Now: 2026-02-16T08:30:00.123Z", Some("Now: {date}")),
        ("It is Monday, February 16, 2026", Some("It is {date}")),
        ("It is Mon 16 Feb 2026, 08:30:12 AM", Some("It is Mon {date}, {time}")),
        ("As of 3rd of March 2026:", Some("As of {date}:")),
        ("Run 0191d3c2-7f1e-7a31-9c41-2f0d3ad5a7b1.", Some("Run {id}.")),
        ("Open 09:00-17:00, ratio 16:9, version 4.1, RFC 8785, May 3 items.", None),
    ] {
        assert_eq!(definition(prompt).as_deref(), template, "{prompt}");
    }
}

#[test]
fn the_named_price_table_is_read() {
    let mut config = Config::default();
    config.prices.file = PathBuf::from("/nonexistent/prices.toml");
    assert!(
        config.derive_settings().expect_err("no file").to_string().starts_with("cannot read /nonexistent/prices.toml")
    );
    let built_in = Config::default().derive_settings().expect("the built-in settings").fingerprint();
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut file, b"[[price]]\nmodels = ['m']\ninput_usd_per_mtok = 1\n").expect("a table");
    config.prices.file = file.path().to_owned();
    assert_ne!(config.derive_settings().expect("settings").fingerprint(), built_in);
}
