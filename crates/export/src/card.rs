//! The dataset card: `README.md` with the features declared, so that `load_dataset` never infers them from the first
//! block (a file with drifting tool arguments fails otherwise).

use std::fmt::Write;

use crate::{
    Kind, Manifest, Section,
    dataset::{Column, Columns, Dataset},
};

pub(crate) const CARD_FILE: &str = "README.md";

/// What there is to say of one file of rows.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    /// Name of the configuration.
    pub(crate) name: &'static str,
    /// The columns as YAML; empty where readers must tell them from the file.
    pub(crate) features: String,
    pub(crate) about: String,
}

impl Described {
    pub(crate) fn of(dataset: &Dataset, columns: Columns) -> Self {
        let mut features = String::new();
        declare(&mut features, columns, "  ");
        Self { name: dataset.name, features, about: dataset.about.to_owned() }
    }
}

/// The whole text of the card. Files without rows are left out of its configurations: readers fail on them. `described`
/// are the manifest's sections, in their order.
pub(crate) fn card(manifest: &Manifest, described: &[Described]) -> String {
    let written: Vec<(&Section, &Described)> = manifest.datasets.iter().zip(described).collect();
    let loadable: Vec<(&Section, &Described)> =
        written.iter().copied().filter(|(section, _)| section.rows > 0).collect();
    let total: u64 = manifest.datasets.iter().map(|section| section.rows).sum();
    let mut out = String::new();
    front_matter(&mut out, &loadable, total, manifest.options.format.as_str());
    out.push_str(
        "# Agent feedback export\n\nMade by gleaner from agent telemetry and feedback. `manifest.json` tells the options, the journal \
         position, counts and file hashes; `rejected.jsonl` every candidate that was left out, with the reason.\n\n",
    );
    if let Some((_, first)) = loadable.first() {
        let _ =
            writeln!(out, "```python\nload_dataset(\"DIR\", \"{}\")  # the features above apply\n```\n", first.name);
    }
    for (section, described) in written {
        let _ = writeln!(out, "## {}\n\n{} rows. {}\n", section.file, section.rows, described.about);
        if !section.reasoning.is_empty() {
            let counts: Vec<String> =
                section.reasoning.iter().map(|(kind, rows)| format!("{kind} in {rows} rows")).collect();
            let _ = writeln!(out, "Reasoning behind what is trained on: {}. {REASONING}\n", counts.join(", "));
        }
    }
    if manifest.datasets.iter().any(|section| section.kind != Kind::Sql) {
        out.push_str("## Reading the rows\n\n");
        out.push_str(manifest.options.format.notes());
        out.push_str(NOTES);
    }
    out
}

const REASONING: &str = "`raw` are the model's own words as far as the telemetry tells (Claude 4 and later send summaries \
    under the name of the words themselves), `summary` is a provider's summary; `encrypted` and `redacted` reasoning took \
    place and is not in the rows: a model trained on them answers without it.";

const NOTES: &str = "- `id` is a hash of what a trainer sees. Rows are in the order of their ids, which is a shuffled one.\n\
    - Scores and margins have at most six decimals.\n";

fn front_matter(out: &mut String, files: &[(&Section, &Described)], rows: u64, tag: &str) {
    out.push_str("---\nlicense: other\npretty_name: Agent feedback export\ntask_categories: [text-generation]\n");
    let _ = writeln!(out, "size_categories: [{}]\ntags: [{tag}, agent-traces]", size_category(rows));
    if !files.is_empty() {
        out.push_str("configs:\n");
        for (section, described) in files {
            let _ = writeln!(out, "- config_name: {}", described.name);
            let paths = section.file_names();
            let paths = paths.iter().map(|(split, file, _)| format!("{{split: {split}, path: {file}}}"));
            let _ = writeln!(out, "  data_files: [{}]", paths.collect::<Vec<_>>().join(", "));
        }
        out.push_str("dataset_info:\n");
        for (_, described) in files.iter().filter(|(_, described)| !described.features.is_empty()) {
            let _ = write!(out, "- config_name: {}\n  features:\n{}", described.name, described.features);
        }
    }
    out.push_str("---\n\n");
}

fn declare(out: &mut String, columns: Columns, indent: &str) {
    for (name, column) in columns {
        match column {
            Column::Struct(fields) => {
                let _ = writeln!(out, "{indent}- name: {name}\n{indent}  struct:");
                declare(out, fields, &format!("{indent}  "));
            }
            Column::List(Column::Struct(fields)) => {
                let _ = writeln!(out, "{indent}- name: {name}\n{indent}  list:");
                declare(out, fields, &format!("{indent}  "));
            }
            Column::List(item) => {
                let _ = writeln!(out, "{indent}- {{name: {name}, list: {}}}", scalar(item));
            }
            scalar_column => {
                let _ = writeln!(out, "{indent}- {{name: {name}, dtype: {}}}", scalar(scalar_column));
            }
        }
    }
}

fn scalar(column: &Column) -> &'static str {
    match column {
        Column::Text => "string",
        Column::Integer => "int64",
        Column::Float => "float64",
        Column::Bool => "bool",
        Column::Json | Column::List(_) | Column::Struct(_) => "json",
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
