//! A snapshot: every public relation as a Parquet file, all of one state of the store, with a manifest.
//!
//! Rows are streamed, so that memory holds a row group. It runs beside ingestion: readers and the loader do not wait for each other, but
//! space of replaced rows is not freed while it lasts.

use std::io::Write;
use std::ops::ControlFlow;

use gleaner_export::{Output, Progress};
use gleaner_query::{ParquetFile, QueryError};
use gleaner_store::{PUBLIC_RELATIONS, Params, Reader, parquet_file};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::as_of::AsOf;

/// The DuckDB file over the Parquet files.
pub(crate) const CATALOG_FILE: &str = "gleaner.duckdb";
/// What is in the snapshot.
pub(crate) const MANIFEST_FILE: &str = "manifest.json";

/// Body of `POST /v1/snapshot`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnapshotRequest {
    /// The data as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) as_of: Option<AsOf>,
    /// Lines that tell of progress between the pieces of files.
    #[serde(default)]
    pub(crate) progress: bool,
}

/// Writes the files, the DuckDB file apart: that is made where they end up.
///
/// # Errors
/// When reading or writing fails, or nobody wants it any more.
pub(crate) fn write(reader: &Reader, out: &mut (dyn Output + Send), progress: &mut dyn Progress) -> anyhow::Result<()> {
    reader.begin_snapshot()?;
    let written = write_all(reader, out, progress);
    reader.end_snapshot()?;
    written
}

fn write_all(reader: &Reader, out: &mut (dyn Output + Send), progress: &mut dyn Progress) -> anyhow::Result<()> {
    let mut files = Vec::with_capacity(PUBLIC_RELATIONS.len());
    progress.begin("writing relations", PUBLIC_RELATIONS.len() as u64);
    for (&relation, done) in PUBLIC_RELATIONS.iter().zip(1..) {
        let file = parquet_file(relation);
        let rows = write_relation(reader, relation, &mut ToFile { out, file: &file }, progress)?;
        files.push(json!({ "path": file, "relation": relation, "rows": rows }));
        progress.advance(done);
    }
    let manifest = json!({
        "kind": "snapshot",
        "journal_position": reader.position()?,
        "gleaner_version": env!("CARGO_PKG_VERSION"),
        "schema_version": gleaner_store::SCHEMA_VERSION,
        "files": files,
    });
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    out.write(MANIFEST_FILE, &text)?;
    Ok(out.finish()?)
}

fn write_relation(
    reader: &Reader,
    relation: &str,
    out: &mut (dyn Write + Send),
    progress: &dyn Progress,
) -> anyhow::Result<u64> {
    let mut file = ParquetFile::new(out);
    let mut failed: Option<QueryError> = None;
    // The name is a constant of ours.
    let schema = reader.stream(&["FROM ", relation].concat(), &Params::default(), &mut |batch| {
        failed = if progress.is_cancelled() { Some(QueryError::Cancelled) } else { file.push(&batch).err() };
        Ok(if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    Ok(file.finish(&schema)?)
}

struct ToFile<'a> {
    out: &'a mut (dyn Output + Send),
    file: &'a str,
}

impl Write for ToFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.write(self.file, bytes).map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
