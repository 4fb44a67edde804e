use super::*;

#[test]
fn names_of_kinds_read_back() {
    for kind in Kind::ALL {
        assert_eq!(kind.as_str().parse::<Kind>().expect("known"), kind);
    }
}

#[test]
fn what_is_planned_and_what_is_unknown_are_told_apart() {
    let message = |text: &str| text.parse::<Kind>().expect_err("refused").to_string();
    assert_eq!(message("kto"), "kind: `kto` is not supported yet; supported: sft, preference, reward, trajectory");
    assert_eq!(message("dpo"), "kind: `dpo` is unknown; supported: sft, preference, reward, trajectory");
    let format = "openai".parse::<Format>().expect_err("refused").to_string();
    assert_eq!(format, "format: `openai` is not supported yet; supported: trl");
}

#[test]
fn rules_and_system_modes_parse() {
    assert_eq!("latest".parse::<ScoreRule>().expect("known"), ScoreRule::Latest);
    assert_eq!("chosen".parse::<SystemPrompt>().expect("known"), SystemPrompt::Chosen);
    assert!("median".parse::<ScoreRule>().is_err());
    assert!("keep".parse::<SystemPrompt>().is_err());
}
