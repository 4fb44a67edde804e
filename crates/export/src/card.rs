//! The dataset card: `README.md` with the features declared, so that `load_dataset` never infers them from the first
//! block (a file with drifting tool arguments fails otherwise).

use std::fmt::Write;

use crate::{
    Manifest,
    dataset::{self, Column, Dataset},
};

pub(crate) const CARD_FILE: &str = "README.md";

/// The whole text of the card. Files without rows are left out of its configurations: readers fail on them.
pub(crate) fn card(manifest: &Manifest) -> String {
    let rows = |dataset: &Dataset| manifest.datasets.iter().find(|s| s.file == dataset.file).map(|s| s.rows);
    let written: Vec<&Dataset> = dataset::ALL.into_iter().filter(|dataset| rows(dataset).is_some()).collect();
    let loadable: Vec<&Dataset> = written.iter().copied().filter(|dataset| rows(dataset) > Some(0)).collect();
    let total: u64 = manifest.datasets.iter().map(|section| section.rows).sum();
    let mut out = String::new();
    front_matter(&mut out, &loadable, total);
    out.push_str(
        "# Agent feedback export\n\nMade by gleaner from agent telemetry and feedback. `manifest.json` tells the options, the journal \
         position, counts and file hashes; `rejected.jsonl` every candidate that was left out, with the reason.\n\n",
    );
    if let Some(first) = loadable.first() {
        let _ =
            writeln!(out, "```python\nload_dataset(\"DIR\", \"{}\")  # the features above apply\n```\n", first.name);
    }
    for dataset in written {
        let _ = writeln!(out, "## {}\n\n{} rows. {}\n", dataset.file, rows(dataset).unwrap_or(0), dataset.about);
    }
    out.push_str(NOTES);
    out
}

const NOTES: &str = "## Reading the rows\n\n\
    - Messages have the form of TRL: `arguments` is an object, `content` is never null, reasoning is `reasoning_content`.\n\
    - `tools` is on every row, empty where the agent had none or the attempts of a row had different ones.\n\
    - `id` is a hash of what a trainer sees. `metadata` is JSON text: attempts, traces, spans, feedback and reviewers of the row.\n\
    - Scores and margins have at most six decimals.\n\
    - Lengths are in characters, not tokens: trainers drop or cut rows over their `max_length`, often without a word.\n";

fn front_matter(out: &mut String, datasets: &[&Dataset], rows: u64) {
    out.push_str("---\nlicense: other\npretty_name: Agent feedback export\ntask_categories: [text-generation]\n");
    let _ = writeln!(out, "size_categories: [{}]", size_category(rows));
    out.push_str("tags: [trl, agent-traces]\n");
    if !datasets.is_empty() {
        out.push_str("configs:\n");
        for dataset in datasets {
            let _ = writeln!(out, "- config_name: {}", dataset.name);
            let _ = writeln!(out, "  data_files: [{{split: train, path: {}}}]", dataset.file);
        }
        out.push_str("dataset_info:\n");
        for dataset in datasets {
            let _ = writeln!(out, "- config_name: {}\n  features:", dataset.name);
            for (name, column) in dataset.columns {
                let _ = writeln!(out, "  - {{name: {name}, {}}}", feature(*column));
            }
        }
    }
    out.push_str("---\n\n");
}

fn feature(column: Column) -> &'static str {
    match column {
        Column::JsonList => "list: json",
        Column::Text => "dtype: string",
        Column::Integer => "dtype: int64",
        Column::IntegerList => "list: int64",
        Column::Float => "dtype: float64",
    }
}

fn size_category(rows: u64) -> &'static str {
    match rows {
        0..1_000 => "n<1K",
        1_000..10_000 => "1K<n<10K",
        10_000..100_000 => "10K<n<100K",
        100_000..1_000_000 => "100K<n<1M",
        _ => "n>1M",
    }
}

#[cfg(test)]
mod tests;
