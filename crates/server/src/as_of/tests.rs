use super::*;

#[test]
fn a_position_or_a_time() {
    assert_eq!("17".parse(), Ok(AsOf::Position(17)));
    let at = Ok(AsOf::Time(1_771_230_600_000_000_000));
    for text in [
        "2026-02-16T08:30:00Z",
        "2026-02-16T09:30:00+01:00",
        "2026-02-16 08:30:00",
        "2026-02-16T08:30:00",
        "2026-02-16 08:30",
    ] {
        assert_eq!(text.parse(), at, "{text}");
    }
    assert_eq!("1970-01-02".parse(), Ok(AsOf::Time(86_400_000_000_000)));
    for text in ["yesterday", "-1", "1969-01-01", "", "2026-02-30"] {
        let error = text.parse::<AsOf>().expect_err(text);
        assert!(error.contains("must be a journal position or a time in UTC"), "{error}");
    }
}

#[test]
fn json_takes_numbers_and_texts() {
    let parse = |text: &str| serde_json::from_str::<AsOf>(text).ok();
    assert_eq!(parse("3"), Some(AsOf::Position(3)));
    assert_eq!(parse("\"3\""), Some(AsOf::Position(3)));
    assert_eq!(parse("\"1970-01-02T00:00:00Z\""), Some(AsOf::Time(86_400_000_000_000)));
    assert_eq!(parse("true"), None);
    let time = AsOf::Time(86_400_000_000_001);
    assert_eq!(serde_json::to_string(&time).ok().and_then(|text| parse(&text)), Some(time));
}
