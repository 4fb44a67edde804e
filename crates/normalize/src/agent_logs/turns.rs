//! The records of one session, put to turns, and within a turn to model calls, tool runs and sub-agents.
//!
//! Where records have ids, these decide; else time does, per sub-agent: a call ends with its answer's record, and begins with
//! the last record of a request before.

use std::collections::{BTreeMap, HashMap};

use gleaner_model::LogFragment;

use crate::agent_logs::{Place, Role, event_of};

/// Records of one event that loggers write twice lie closer together than this.
const TWINS_NANO: u64 = 100_000_000;

/// Most calls of one sub-agent that run at a time and are looked at for a request's record.
const MAX_RUNNING: usize = 16;

/// A record with where it belongs.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) log: LogFragment,
    pub(crate) place: Place,
    /// Nanoseconds since the Unix epoch.
    pub(crate) time: u64,
    /// Journal position.
    pub(crate) position: u64,
}

impl Record {
    fn start(&self) -> u64 {
        self.time.saturating_sub(self.place.duration_nano)
    }
}

/// From one user prompt to the next.
#[derive(Debug)]
pub(crate) struct Turn {
    /// The id as sent, else when the prompt was given.
    pub(crate) key: String,
    /// The prompt's record, and what else belongs to the turn as a whole.
    pub(crate) records: Vec<Record>,
    /// In order of their start.
    pub(crate) items: Vec<Item>,
}

/// One model call, tool run, sub-agent or compaction.
#[derive(Debug)]
pub(crate) struct Item {
    /// [`Role::Call`], [`Role::Tool`], [`Role::Agent`] or [`Role::Compaction`].
    pub(crate) role: Role,
    pub(crate) thread: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) records: Vec<Record>,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Turns in order of their first record. `records` are one session's, in any order, without notes.
pub(crate) fn turns(mut records: Vec<Record>) -> Vec<Turn> {
    sort(&mut records);
    let mut turns: Vec<(String, Vec<Record>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut current = "start".to_owned();
    for record in records {
        if record.place.role == Role::Prompt {
            current = record.place.turn.clone().unwrap_or_else(|| format!("at:{}", record.time));
        }
        let key = record.place.turn.clone().unwrap_or_else(|| current.clone());
        let place = *places.entry(key.clone()).or_insert_with(|| {
            turns.push((key, Vec::new()));
            turns.len() - 1
        });
        turns[place].1.push(record);
    }
    turns.into_iter().map(|(key, records)| turn(key, records)).collect()
}

/// By time; then by the order that the agent counts; then by content, so that the order of arrival never shows.
fn sort(records: &mut [Record]) {
    records.sort_by(|a, b| {
        let key = |record: &Record| (record.time, record.place.sequence);
        key(a).cmp(&key(b)).then_with(|| event_of(&a.log).cmp(event_of(&b.log))).then_with(|| {
            let text = |record: &Record| serde_json::to_string(&record.log).unwrap_or_default();
            text(a).cmp(&text(b))
        })
    });
}

fn turn(key: String, records: Vec<Record>) -> Turn {
    let mut turn = Turn { key, records: Vec::new(), items: Vec::new() };
    let mut keyed = Keyed::new(&records);
    let (mut ends, mut starts) = (Vec::new(), Vec::new());
    let mut decisions = Vec::new();
    for record in records {
        match record.place.role {
            Role::Prompt | Role::Note => turn.records.push(record),
            Role::Call | Role::Tool if keyed.key_of(&record).is_some() => keyed.add(&mut turn.items, record),
            Role::Tool | Role::Compaction => turn.items.push(Item::new(record.place.role, None, record)),
            Role::Agent => {
                // One sub-agent may be done several times: it was asked again.
                keyed.add_agent(&mut turn.items, record);
            }
            Role::ToolDecision => decisions.push(record),
            Role::CallStarts if keyed.knows(&record) => keyed.add(&mut turn.items, record),
            Role::Call | Role::CallEnds => ends.push(record),
            Role::CallStarts => starts.push(record),
        }
    }
    let starts = join_to_running(&mut turn.items, starts);
    join_by_time(&mut turn.items, ends, starts);
    for decision in decisions {
        match decision.place.key.as_ref().and_then(|key| keyed.tools.get(key)) {
            Some(item) => turn.items[*item].records.push(decision),
            None => turn.records.push(decision),
        }
    }
    turn.items.sort_by_key(|item| (item.start, item.end));
    turn
}

/// Items found by id.
struct Keyed {
    ids: HashMap<String, String>,
    calls: HashMap<String, usize>,
    tools: HashMap<String, usize>,
    agents: HashMap<String, usize>,
}

impl Keyed {
    fn new(records: &[Record]) -> Self {
        let both = records.iter().filter_map(|record| record.place.alias.clone().zip(record.place.key.clone()));
        Self { ids: both.collect(), calls: HashMap::new(), tools: HashMap::new(), agents: HashMap::new() }
    }

    fn key_of(&self, record: &Record) -> Option<String> {
        let Place { key, alias, .. } = &record.place;
        key.clone().or_else(|| alias.as_ref().map(|alias| self.ids.get(alias).unwrap_or(alias).clone()))
    }

    /// Whether another record of the same call has told its id.
    fn knows(&self, record: &Record) -> bool {
        let Place { key, alias, .. } = &record.place;
        key.is_some() || alias.as_ref().is_some_and(|alias| self.ids.contains_key(alias))
    }

    fn add(&mut self, items: &mut Vec<Item>, record: Record) {
        let Some(key) = self.key_of(&record) else { return };
        let known = if record.place.role == Role::Tool { &mut self.tools } else { &mut self.calls };
        match known.get(&key) {
            Some(item) => items[*item].add(record),
            None => {
                known.insert(key.clone(), items.len());
                items.push(Item::new(record.place.role, Some(key), record));
            }
        }
    }

    fn add_agent(&mut self, items: &mut Vec<Item>, record: Record) {
        let thread = record.place.thread.clone().unwrap_or_default();
        match self.agents.get(&thread) {
            Some(item) => items[*item].add(record),
            None => {
                self.agents.insert(thread, items.len());
                items.push(Item::new(Role::Agent, None, record));
            }
        }
    }
}

impl Item {
    fn new(role: Role, key: Option<String>, record: Record) -> Self {
        Self {
            role,
            thread: record.place.thread.clone(),
            key,
            start: record.start(),
            end: record.time,
            records: vec![record],
        }
    }

    fn add(&mut self, record: Record) {
        self.start = self.start.min(record.start());
        self.end = self.end.max(record.time);
        self.thread = self.thread.take().or_else(|| record.place.thread.clone());
        self.records.push(record);
    }

    /// Whether it has such a record already: a request and an answer may be events of one name.
    fn has(&self, other: &Record) -> bool {
        let is_such =
            |record: &Record| record.place.role == other.place.role && event_of(&record.log) == event_of(&other.log);
        self.records.iter().any(is_such)
    }
}

/// Puts requests without an id to the calls with ids that were running at the time; the others are returned, in order.
fn join_to_running(items: &mut [Item], starts: Vec<Record>) -> Vec<Record> {
    let mut calls: HashMap<Option<String>, Vec<(u64, usize)>> = HashMap::new();
    for (place, item) in items.iter().enumerate().filter(|(_, item)| item.role == Role::Call) {
        calls.entry(item.thread.clone()).or_default().push((item.start, place));
    }
    calls.values_mut().for_each(|calls| calls.sort_unstable());
    let mut left = Vec::new();
    for start in starts {
        // The clock of the request and that of its duration need not be the same.
        let latest = start.time.saturating_add(TWINS_NANO);
        let running = calls.get(&start.place.thread).and_then(|calls| {
            let begun = calls.partition_point(|(begin, _)| *begin <= latest);
            let running = |place: &&(u64, usize)| {
                let item = &items[place.1];
                start.time <= item.end && !item.has(&start)
            };
            calls[begun.saturating_sub(MAX_RUNNING)..begun].iter().rev().find(running)
        });
        match running {
            Some((_, place)) => items[*place].add(start),
            None => left.push(start),
        }
    }
    left
}

/// Calls without ids: every answer is a call, and its request the last one before it. Both lists are in order of time.
fn join_by_time(items: &mut Vec<Item>, ends: Vec<Record>, starts: Vec<Record>) {
    let mut calls: BTreeMap<Option<String>, Vec<Item>> = BTreeMap::new();
    for end in ends {
        let calls = calls.entry(end.place.thread.clone()).or_default();
        let is_twin = |call: &&mut Item| {
            let begun = starts.partition_point(|start| start.time <= call.end);
            let begins_another = starts.get(begun).is_some_and(|start| start.time <= end.time);
            end.time.saturating_sub(call.end) <= TWINS_NANO && !begins_another && !call.has(&end)
        };
        match calls.last_mut().filter(is_twin) {
            Some(call) => call.add(end),
            None => calls.push(Item::new(Role::Call, None, end)),
        }
    }
    // Latest first: each call takes the last request before its answer, and the twin of that.
    let mut open: Vec<Item> = Vec::new();
    for start in starts.into_iter().rev() {
        let answered = calls.get_mut(&start.place.thread).and_then(|calls| {
            let place = calls.partition_point(|call| call.end < start.start());
            calls.get_mut(place)
        });
        let is_free = |call: &&mut Item| !call.has(&start);
        match answered.filter(is_free) {
            Some(call) => call.add(start),
            None => match open
                .last_mut()
                .filter(|call| call.start.saturating_sub(start.time) <= TWINS_NANO && is_free(call))
            {
                Some(call) => call.add(start),
                None => open.push(Item::new(Role::Call, None, start)),
            },
        }
    }
    let mut calls: Vec<Item> = calls.into_values().flatten().chain(open).collect();
    for call in &mut calls {
        sort(&mut call.records);
    }
    items.extend(calls);
}
