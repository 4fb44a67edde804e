//! Growing histories go once: a whole conversation that is the beginning of another row's is left out.
//!
//! Only conversations of which every assistant message is trained on ([`Content::Messages`]): where a row is a prompt and a
//! completion, the completion is trained on in that row alone. Tools and reasoning count: a longer row that lacks a thought
//! of the shorter one does not replace it. Hashes of all beginnings wait on disk; in memory are some 40 bytes a row, while it is
//! decided.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_128;

use crate::{
    ExportError, Reason,
    canonical::write_message,
    dataset::Dataset,
    example::{Content, Example},
    spool::{Scan, Spool},
    stage::{Entry, Stage},
};

/// Where the hashes of a dataset wait.
type MakeSpool = Box<dyn Fn() -> Result<Spool, ExportError> + Send>;

const HASH_BYTES: usize = size_of::<u128>();
const NONE: u32 = u32::MAX;

/// The stage.
pub(crate) struct Prefixes {
    spool: MakeSpool,
    /// Of each row in its turn: how many messages it has, and the hash of each beginning, the whole row's last.
    by_dataset: HashMap<&'static str, Spool>,
    fault: Option<ExportError>,
}

impl Prefixes {
    pub(crate) fn new(spool: MakeSpool) -> Self {
        Self { spool, by_dataset: HashMap::new(), fault: None }
    }

    fn put(&mut self, dataset: &'static Dataset, beginnings: &[u8]) -> Result<(), ExportError> {
        let spool = match self.by_dataset.remove(dataset.name) {
            Some(spool) => spool,
            None => (self.spool)()?,
        };
        let spool = self.by_dataset.entry(dataset.name).or_insert(spool);
        let messages = (beginnings.len() / HASH_BYTES) as u32;
        spool.put(&messages.to_le_bytes())?;
        spool.put(beginnings).map(|_| ())
    }
}

impl Stage for Prefixes {
    fn see(&mut self, dataset: &'static Dataset, _number: u32, example: &Example) {
        let mut beginnings = Vec::new();
        if let Content::Messages(messages) = &example.content {
            let mut text = Vec::new();
            let mut before = xxh3_128(example.tools.canonical());
            for message in messages {
                text.clear();
                text.extend_from_slice(&before.to_le_bytes());
                write_message(message, &mut text);
                before = xxh3_128(&text);
                beginnings.extend_from_slice(&before.to_le_bytes());
            }
        }
        if self.fault.is_none() {
            self.fault = self.put(dataset, &beginnings).err();
        }
    }

    /// Names the longest of the rows that begin so; of equally long ones the first.
    fn decide(&mut self, dataset: &'static Dataset, entries: &mut [Entry]) {
        let Some(mut spool) = self.by_dataset.remove(dataset.name) else { return };
        if self.fault.is_none() {
            self.fault = decide(&mut spool, entries).err();
        }
    }

    fn fault(&mut self) -> Option<ExportError> {
        self.fault.take()
    }
}

fn decide(spool: &mut Spool, entries: &mut [Entry]) -> Result<(), ExportError> {
    let mut places = vec![NONE; entries.len()];
    for (place, entry) in (0..).zip(&*entries) {
        if entry.verdict.is_ok() {
            places[entry.number as usize] = place;
        }
    }
    let mut wholes = Wholes::with_capacity(entries.len());
    each_row(spool.scan()?, &mut |number, beginnings| {
        let whole = beginnings.last().filter(|_| places.get(number).is_some_and(|place| *place != NONE));
        whole.into_iter().for_each(|whole| wholes.add(*whole, number as u32));
    })?;
    wholes.sort();
    // By the order of `wholes`: messages and place of the longest row that begins so.
    let mut longer = vec![(0_u32, NONE); wholes.sorted.len()];
    each_row(spool.scan()?, &mut |number, beginnings| {
        let Some(place) = places.get(number).filter(|place| **place != NONE) else { return };
        let [proper @ .., _] = beginnings else { return };
        for beginning in proper {
            for known in wholes.of(*beginning) {
                let (messages, other) = longer[known];
                let length = proper.len() as u32;
                if length > messages || (length == messages && *place < other) {
                    longer[known] = (length, *place);
                }
            }
        }
    })?;
    for (Whole { number, .. }, (_, place)) in wholes.sorted.iter().zip(&longer).filter(|(_, (_, place))| *place != NONE)
    {
        let id = entries[*place as usize].id;
        let entry = &mut entries[places[{ *number } as usize] as usize];
        entry.verdict = Err(Reason::PrefixOfAnother);
        entry.kept = Some(Box::new(id));
    }
    Ok(())
}

/// Calls `visit` with the number and the hashes of every row.
fn each_row(mut scan: Scan<'_>, visit: &mut dyn FnMut(usize, &[u128])) -> Result<(), ExportError> {
    let mut number = 0;
    let mut beginnings = Vec::new();
    let mut word = [0; size_of::<u32>()];
    while scan.next(&mut word)? {
        beginnings.clear();
        for _ in 0..u32::from_le_bytes(word) {
            let mut hash = [0; HASH_BYTES];
            scan.next(&mut hash)?;
            beginnings.push(u128::from_le_bytes(hash));
        }
        visit(number, &beginnings);
        number += 1;
    }
    Ok(())
}

/// Hashes of whole rows with their numbers. Nearly all that is asked for is not among them, which the filter tells in one step.
struct Wholes {
    sorted: Vec<Whole>,
    filter: Vec<u64>,
}

/// Packed: there is one in memory for every row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C, packed(4))]
struct Whole {
    hash: u128,
    number: u32,
}

impl Wholes {
    fn with_capacity(rows: usize) -> Self {
        // Sixteen bits a row.
        Self { sorted: Vec::with_capacity(rows), filter: vec![0; (rows / 4).max(1).next_power_of_two()] }
    }

    fn bit(&self, hash: u128) -> (usize, u64) {
        let hash = hash as u64;
        ((hash >> 6) as usize & (self.filter.len() - 1), 1 << (hash & 63))
    }

    fn add(&mut self, hash: u128, number: u32) {
        let (word, bit) = self.bit(hash);
        self.filter[word] |= bit;
        self.sorted.push(Whole { hash, number });
    }

    fn sort(&mut self) {
        self.sorted.sort_unstable();
    }

    /// The places of the rows of this hash.
    fn of(&self, hash: u128) -> std::ops::Range<usize> {
        let (word, bit) = self.bit(hash);
        if self.filter[word] & bit == 0 {
            return 0..0;
        }
        let first = self.sorted.partition_point(|known| { known.hash } < hash);
        let count = self.sorted[first..].iter().take_while(|known| { known.hash } == hash).count();
        first..first + count
    }
}

#[cfg(test)]
mod tests;
