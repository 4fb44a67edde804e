use super::*;

fn full() -> Select {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Select {
        agents: texts(&["shop", "desk"]),
        versions: texts(&["2", "blue"]),
        models: texts(&["gpt-5"]),
        sessions: texts(&["s1"]),
        since: Some("2026-01-31".into()),
        until: Some("2026-02-01T12:00:00Z".into()),
        reviewers: texts(&["mara"]),
        criterion: Some("tone".into()),
        normalize_scores: None,
    }
}

/// Guarantees: no value is part of a query's text, and there are as many marks as values.
#[test]
fn values_are_bound() {
    let mut params = Vec::new();
    let select = full();
    let sql =
        [select.of_attempts(&mut params), select.of_feedback("e", &mut params), select.of_criterion("", &mut params)]
            .concat();
    assert_eq!(sql.matches('?').count(), params.len());
    for value in &params {
        assert!(!sql.contains(value.as_str().expect("text")) || value == "2", "{value} in {sql}");
    }
    assert!(sql.contains("e.reviewer IN (?)") && sql.contains(" AND criterion = ?"), "{sql}");
}

#[test]
fn nothing_asked_for_is_no_condition() {
    let mut params = Vec::new();
    let select = Select::default();
    assert_eq!(select.of_attempts(&mut params) + &select.of_feedback("e", &mut params), "");
    assert!(params.is_empty());
    assert!(select.takes_criterion(None) && !select.takes_criterion(Some("tone")));
    assert!(full().takes_criterion(Some("tone")) && !full().takes_criterion(None));
}

#[test]
fn times_have_a_form() {
    assert!(full().check().is_ok());
    for time in ["yesterday", "2026-1-1", "2026-01-01T12:00:00+02:00", "2026-01-01; DROP"] {
        let error = Select { since: Some(time.into()), ..Select::default() }.check().expect_err("refused");
        assert!(error.to_string().starts_with(&format!("since: `{time}` is no time")), "{error}");
    }
}
