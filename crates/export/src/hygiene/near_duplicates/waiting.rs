//! Signatures of the rows of one file: on disk until all have come, then only of those that share a bucket with another row.
//!
//! Buckets lie band by band, in chunks of rows, so that one band is read without the others. In memory are 16 bytes a row while a
//! band is looked at, and what rows share.

use super::{PERMUTATIONS, Signature, Sketch};
use crate::{
    ExportError,
    spool::{Place, Spool},
};

const CHUNK_ROWS: usize = 1_024;
const BUCKET_BYTES: usize = size_of::<u64>();
const SIGNATURE_BYTES: u32 = (size_of::<u64>() + 2 * PERMUTATIONS) as u32;

pub(super) struct Waiting {
    signatures: Spool,
    buckets: Spool,
    bands: usize,
    /// Buckets of the rows of the last chunk, row by row.
    chunk: Vec<u64>,
    /// Whether each row has anything to compare.
    is_comparable: Vec<bool>,
}

/// Which buckets rows share with others: the buckets are counted from 0.
pub(super) struct Shared {
    /// Row and bucket, sorted.
    by_row: Vec<(u32, u32)>,
    pub(super) buckets: usize,
}

impl Shared {
    /// The buckets of a row that another is in too.
    pub(super) fn of(&self, row: u32) -> impl Iterator<Item = usize> + '_ {
        let first = self.by_row.partition_point(|(other, _)| *other < row);
        self.by_row[first..].iter().take_while(move |(other, _)| *other == row).map(|(_, bucket)| *bucket as usize)
    }
}

impl Waiting {
    pub(super) fn new(signatures: Spool, buckets: Spool, bands: usize) -> Self {
        Self { signatures, buckets, bands, chunk: Vec::new(), is_comparable: Vec::new() }
    }

    /// Takes the next row, with a bucket for each band. `None`: it has no words.
    pub(super) fn put(&mut self, row: Option<(&Signature, &[u64])>) -> Result<(), ExportError> {
        self.is_comparable.push(row.is_some());
        let mut record = [0; SIGNATURE_BYTES as usize];
        match row {
            Some((Signature { identity, prompt, completion }, buckets)) => {
                record[..8].copy_from_slice(&identity.to_le_bytes());
                record[8..8 + PERMUTATIONS].copy_from_slice(prompt);
                record[8 + PERMUTATIONS..].copy_from_slice(completion);
                self.chunk.extend_from_slice(buckets);
            }
            None => self.chunk.resize(self.chunk.len() + self.bands, 0),
        }
        self.signatures.put(&record)?;
        if self.chunk.len() == CHUNK_ROWS * self.bands { self.put_chunk() } else { Ok(()) }
    }

    fn put_chunk(&mut self) -> Result<(), ExportError> {
        let chunk = std::mem::take(&mut self.chunk);
        for band in 0..self.bands {
            let column: Vec<u8> =
                chunk.iter().skip(band).step_by(self.bands).flat_map(|bucket| bucket.to_le_bytes()).collect();
            self.buckets.put(&column)?;
        }
        Ok(())
    }

    pub(super) fn signature(&mut self, row: u32, bytes: &mut Vec<u8>) -> Result<Signature, ExportError> {
        let offset = u64::from(row) * u64::from(SIGNATURE_BYTES);
        self.signatures.read(Place::new(offset, SIGNATURE_BYTES), bytes)?;
        let (identity, sketches) = bytes.split_at(size_of::<u64>());
        let (prompt, completion) = sketches.split_at(PERMUTATIONS);
        let sketch = |bytes: &[u8]| {
            let mut sketch: Sketch = [0; PERMUTATIONS];
            sketch.copy_from_slice(bytes);
            sketch
        };
        let mut number = [0; size_of::<u64>()];
        number.copy_from_slice(identity);
        Ok(Signature { identity: u64::from_le_bytes(number), prompt: sketch(prompt), completion: sketch(completion) })
    }

    /// What the rows that are `wanted` share.
    pub(super) fn shared(&mut self, wanted: &[bool]) -> Result<Shared, ExportError> {
        if !self.chunk.is_empty() {
            self.put_chunk()?;
        }
        let mut shared = Shared { by_row: Vec::new(), buckets: 0 };
        let (mut rows_with, mut bytes) = (Vec::new(), Vec::new());
        for band in 0..self.bands {
            rows_with.clear();
            for (chunk, rows) in self.is_comparable.chunks(CHUNK_ROWS).enumerate() {
                let first = chunk * CHUNK_ROWS;
                let column_bytes = rows.len() * BUCKET_BYTES;
                let offset = first * self.bands * BUCKET_BYTES + band * column_bytes;
                self.buckets.read(Place::new(offset as u64, column_bytes as u32), &mut bytes)?;
                for (at, (bucket, is_comparable)) in bytes.chunks_exact(BUCKET_BYTES).zip(rows).enumerate() {
                    let row = first + at;
                    if *is_comparable && wanted.get(row).is_some_and(|wanted| *wanted) {
                        let mut number = [0; BUCKET_BYTES];
                        number.copy_from_slice(bucket);
                        rows_with.push((u64::from_le_bytes(number), row as u32));
                    }
                }
            }
            rows_with.sort_unstable();
            for rows in rows_with.chunk_by(|(one, _), (other, _)| one == other).filter(|rows| rows.len() > 1) {
                shared.by_row.extend(rows.iter().map(|(_, row)| (*row, shared.buckets as u32)));
                shared.buckets += 1;
            }
        }
        shared.by_row.sort_unstable();
        Ok(shared)
    }
}
