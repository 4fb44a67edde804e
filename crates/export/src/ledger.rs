//! What is noted of the candidates of a file until all have come: on disk in the order of arrival, in memory when they are judged.
//!
//! Invariant: while candidates come, memory does not grow with their number.

use crate::{
    ExportError, Reason,
    example::Opinion,
    reasoning::Kinds,
    spool::{Place, Scan, Spool},
    stage::{Entry, Tie},
};

/// Notes of one file.
pub(crate) struct Ledger {
    spool: Spool,
    rows: u32,
    rejected: usize,
    has_opinions: bool,
}

/// A row that waits to be judged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Noted {
    pub(crate) id: u128,
    pub(crate) tie: Tie,
    pub(crate) reasoning: Kinds,
    pub(crate) held: Held,
    pub(crate) opinion: Option<Opinion>,
}

/// Where a row lies, and its provenance right after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) row: Place,
    pub(crate) provenance_bytes: u32,
}

impl Held {
    pub(crate) fn provenance(self) -> Place {
        self.row.followed_by(self.provenance_bytes)
    }
}

/// A candidate that is not written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rejected {
    /// The order of `rejected.jsonl`.
    pub(crate) tie: Tie,
    pub(crate) reason: Reason,
    pub(crate) provenance: Place,
    /// Of one that was judged beside others.
    pub(crate) id: Option<Box<u128>>,
    /// The row that stays in its place.
    pub(crate) kept: Option<Box<u128>>,
}

/// All that was noted.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) entries: Vec<Entry>,
    /// By [`Entry::number`].
    pub(crate) rows: Vec<Held>,
    /// By [`Entry::number`]; empty where nobody has one.
    pub(crate) opinions: Vec<Option<Box<Opinion>>>,
    pub(crate) rejected: Vec<Rejected>,
}

const ROW: u8 = 0;
const REJECTED: u8 = 1;

impl Ledger {
    pub(crate) fn new(spool: Spool) -> Self {
        Self { spool, rows: 0, rejected: 0, has_opinions: false }
    }

    /// Gives the row its [`Entry::number`].
    pub(crate) fn note(&mut self, row: &Noted) -> Result<u32, ExportError> {
        let number = self.rows;
        self.rows = number.checked_add(1).ok_or(ExportError::TooManyRows { limit: u32::MAX })?;
        let mut out = vec![ROW];
        put_tie(row.tie, &mut out);
        out.extend(row.id.to_le_bytes());
        out.push(row.reasoning.bits());
        put_place(row.held.row, &mut out);
        out.extend(row.held.provenance_bytes.to_le_bytes());
        out.push(row.opinion.is_some().into());
        if let Some(opinion) = &row.opinion {
            self.has_opinions = true;
            out.extend(opinion.content.to_le_bytes());
            out.push(opinion.is_first.into());
            out.extend((opinion.reviewers.len() as u32).to_le_bytes());
            opinion.reviewers.iter().for_each(|reviewer| out.extend(reviewer.to_le_bytes()));
        }
        self.spool.put(&out)?;
        Ok(number)
    }

    /// Notes a candidate that is rejected by itself.
    pub(crate) fn reject(&mut self, tie: Tie, reason: Reason, provenance: Place) -> Result<(), ExportError> {
        self.rejected += 1;
        let mut out = vec![REJECTED];
        put_tie(tie, &mut out);
        out.push(reason as u8);
        put_place(provenance, &mut out);
        self.spool.put(&out).map(|_| ())
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows.into()
    }

    /// Everything, in order of arrival.
    pub(crate) fn read(mut self) -> Result<Notes, ExportError> {
        let mut notes = Notes {
            entries: Vec::with_capacity(self.rows as usize),
            rows: Vec::with_capacity(self.rows as usize),
            opinions: Vec::with_capacity(if self.has_opinions { self.rows as usize } else { 0 }),
            rejected: Vec::with_capacity(self.rejected),
        };
        let mut scan = self.spool.scan()?;
        while let Some(kind) = next::<1>(&mut scan)? {
            let tie = (byte(&mut scan)?, u64::from_le_bytes(some(&mut scan)?), u64::from_le_bytes(some(&mut scan)?));
            if kind == [REJECTED] {
                let reason = Reason::ALL.get(usize::from(byte(&mut scan)?)).copied();
                let reason = reason.ok_or_else(|| Scan::broken("a reason"))?;
                let provenance = place(&mut scan)?;
                notes.rejected.push(Rejected { tie, reason, provenance, id: None, kept: None });
                continue;
            }
            let id = u128::from_le_bytes(some(&mut scan)?);
            let reasoning = Kinds::from_bits(byte(&mut scan)?);
            let held = Held { row: place(&mut scan)?, provenance_bytes: u32::from_le_bytes(some(&mut scan)?) };
            let opinion = if byte(&mut scan)? == 0 { None } else { Some(Box::new(opinion(&mut scan)?)) };
            notes.entries.push(Entry { reasoning, ..Entry::new(notes.rows.len() as u32, id, tie) });
            notes.rows.push(held);
            if self.has_opinions {
                notes.opinions.push(opinion);
            }
        }
        Ok(notes)
    }
}

fn put_tie((precedence, started, text): Tie, out: &mut Vec<u8>) {
    out.push(precedence);
    out.extend(started.to_le_bytes());
    out.extend(text.to_le_bytes());
}

fn put_place(place: Place, out: &mut Vec<u8>) {
    out.extend(place.offset().to_le_bytes());
    out.extend(place.bytes().to_le_bytes());
}

fn opinion(scan: &mut Scan<'_>) -> Result<Opinion, ExportError> {
    let content = u128::from_le_bytes(some(scan)?);
    let is_first = byte(scan)? != 0;
    let count = u32::from_le_bytes(some(scan)?);
    let reviewers = (0..count).map(|_| some(scan).map(u64::from_le_bytes)).collect::<Result<_, _>>()?;
    Ok(Opinion { content, is_first, reviewers })
}

fn place(scan: &mut Scan<'_>) -> Result<Place, ExportError> {
    Ok(Place::new(u64::from_le_bytes(some(scan)?), u32::from_le_bytes(some(scan)?)))
}

fn byte(scan: &mut Scan<'_>) -> Result<u8, ExportError> {
    some::<1>(scan).map(|[byte]| byte)
}

fn some<const N: usize>(scan: &mut Scan<'_>) -> Result<[u8; N], ExportError> {
    next(scan)?.ok_or_else(|| Scan::broken("the end of a record"))
}

fn next<const N: usize>(scan: &mut Scan<'_>) -> Result<Option<[u8; N]>, ExportError> {
    let mut bytes = [0; N];
    Ok(scan.next(&mut bytes)?.then_some(bytes))
}

#[cfg(test)]
mod tests;
