use super::*;

#[test]
fn names_of_kinds_read_back() {
    for kind in Kind::ALL {
        assert_eq!(kind.as_str().parse::<Kind>().expect("known"), kind);
    }
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let kind = "dpo".parse::<Kind>().expect_err("refused").to_string();
    assert_eq!(
        kind,
        "kind: `dpo` is unknown; supported: sft, preference, kto, reward, trajectory, prompts, revisions, sql"
    );
    let format = "alpaca".parse::<Format>().expect_err("refused").to_string();
    assert_eq!(
        format,
        "format: `alpaca` is unknown; supported: trl, openai, sharegpt, axolotl, verl, nemo-rl, tinker, atif"
    );
}

fn refusal(kind: Kind, change: impl FnOnce(&mut Options)) -> String {
    let mut options = Options::new(kind);
    change(&mut options);
    options.check(&[kind]).expect_err("refused").to_string()
}

#[test]
fn what_a_format_cannot_express_is_refused_with_those_that_can() {
    assert_eq!(
        refusal(Kind::Kto, |o| o.format = Format::Atif),
        "format: `atif` cannot express kto; these can: trl, sharegpt"
    );
    assert_eq!(
        refusal(Kind::Prompts, |o| o.format = Format::Sharegpt),
        "format: `sharegpt` cannot express prompts; these can: trl, openai, verl"
    );
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    assert_eq!(
        refusal(Kind::Trajectory, |o| o.shape = Some(Shape::Task)),
        "shape: trajectory has no shape `task`; it has: attempt, step"
    );
    assert_eq!(refusal(Kind::Sql, |_| ()), "query: the kind sql needs a query");
    assert_eq!(
        refusal(Kind::Sft, |o| o.file_format = Some(FileFormat::Csv)),
        "file-format: csv is for sql, not for sft"
    );
    assert_eq!(
        refusal(Kind::Prompts, |o| (o.format, o.file_format) = (Format::Verl, Some(FileFormat::Jsonl))),
        "file-format: verl reads Parquet"
    );
    assert_eq!(
        refusal(Kind::Kto, |o| o.undesirable_threshold = 8.0),
        "undesirable-threshold: 8 is not below score-threshold, 8"
    );
}

#[test]
fn every_kind_can_be_written_in_trl_s_form() {
    for kind in Kind::ALL {
        assert!(Format::Trl.takes(kind), "{kind:?}");
    }
}

#[test]
fn rules_and_system_modes_parse() {
    assert_eq!("latest".parse::<ScoreRule>().expect("known"), ScoreRule::Latest);
    assert_eq!("chosen".parse::<SystemPrompt>().expect("known"), SystemPrompt::Chosen);
    assert!("median".parse::<ScoreRule>().is_err());
    assert!("keep".parse::<SystemPrompt>().is_err());
}
