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
    let debug = format!("{:?}", Config::default());
    for key in keys(&documented) {
        let field = key.rsplit('.').next().expect("a key");
        assert!(debug.contains(&format!("{field}: ")), "{key} is documented but unknown");
    }
    let fields = debug.matches(": ").count();
    // Sections count as fields in the debug output: otlp, grpc, http, api, ingest, journal, loader, store, read, sql, feedback, shutdown.
    assert_eq!(fields, keys(&documented).len() + 12, "a key is undocumented");
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
