use crate::{
    Kind, Options, Shape,
    dataset::Dataset,
    tests::{ATTEMPT_KINDS, exported, memory::MemoryRows, session},
};

#[test]
fn the_card_declares_every_column_of_every_file_with_rows() {
    let (_, files) = exported(&session(), &ATTEMPT_KINDS, &Options::new(Kind::Sft));
    let card = String::from_utf8(files["README.md"].clone()).expect("UTF-8");
    let datasets: Vec<_> = ATTEMPT_KINDS.iter().flat_map(|kind| Dataset::of(*kind, Shape::Attempt)).collect();
    for dataset in &datasets {
        let config = format!("- config_name: {0}\n  data_files: [{{split: train, path: {0}.jsonl}}]\n", dataset.name);
        assert!(card.contains(&config), "{card}");
        let (first, _) = dataset.columns[0];
        assert!(
            card.contains(&format!("- config_name: {}\n  features:\n  - {{name: {first}, ", dataset.name)),
            "{card}"
        );
    }
    let declared = card.lines().filter(|line| line.starts_with("  - {name: ")).count();
    assert_eq!(declared, datasets.iter().map(|dataset| dataset.columns.len()).sum::<usize>());
}

#[test]
fn files_without_rows_are_told_of_but_not_configured() {
    let (_, files) = exported(&MemoryRows::default(), &[Kind::Sft], &Options::new(Kind::Sft));
    let card = String::from_utf8(files["README.md"].clone()).expect("UTF-8");
    assert!(!card.contains("configs:"), "{card}");
    assert!(card.contains("## sft.jsonl\n\n0 rows. "), "{card}");
    assert_eq!(files["sft.jsonl"], b"");
}
