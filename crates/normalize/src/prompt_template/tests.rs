use super::*;

fn patterns(patterns: &[(&str, &str)]) -> PromptPatterns {
    let patterns: Vec<LiftPattern> = patterns
        .iter()
        .map(|(name, pattern)| LiftPattern { name: (*name).into(), pattern: (*pattern).into() })
        .collect();
    PromptPatterns::new(&patterns).expect("patterns")
}

#[test]
fn what_changes_is_replaced_by_its_name() {
    let patterns = patterns(&[("date", r"\d{4}-\d{2}-\d{2}"), ("user", r"(?m)^You help (\w+)\.$")]);
    let template = patterns.lift("Today is 2026-02-16.\nYou help Priya.\nUntil 2026-03-01.");
    assert_eq!(template.as_deref(), Some("Today is {date}.\nYou help {user}.\nUntil {date}."));
    assert_eq!(patterns.lift("You write product texts."), None);
    assert_eq!(PromptPatterns::default().lift("Today is 2026-02-16."), None);
}

#[test]
fn a_bad_pattern_is_refused_by_name() {
    let bad = |pattern: &str| {
        let pattern = LiftPattern { name: "user".into(), pattern: pattern.into() };
        PromptPatterns::new(&[pattern]).expect_err("a bad pattern").to_string()
    };
    assert!(bad("(").starts_with("definitions.lift: pattern \"user\": regex parse error"), "{}", bad("("));
    assert!(bad(r"\w{100000}").contains("size limit"), "{}", bad(r"\w{100000}"));
    let many = vec![LiftPattern { name: "a".into(), pattern: "a".into() }; MAX_PATTERNS + 1];
    assert!(PromptPatterns::new(&many).expect_err("too many").to_string().contains("65 patterns, the limit is 64"));
}
