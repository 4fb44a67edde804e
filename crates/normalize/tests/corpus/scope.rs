//! Where the telemetry could tell what is asked for: which spans and records may speak of a call.
//!
//! Knows the shape of a trace and no convention. It errs on the side of too many places: a mapping that read any of them right
//! would be believed.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::capture::{Expected, LlmCall};
use crate::evidence::{Evidence, Place, UnitKind};

/// The spans and records that may speak of one call.
pub(crate) struct Scope {
    /// Where the call itself is named: by the response's id, else by its whole answer, else by its usage; an embedding by its
    /// model.
    pub(crate) told: Vec<Place>,
    /// The spans and records of those places.
    pub(crate) home: BTreeSet<usize>,
    /// The call's own, those above and below, those of its trace that overlap it in time, and the records of all of them.
    near: HashSet<usize>,
    /// All of its conversation: of its traces, and of the other traces of its sessions.
    conversation: HashSet<usize>,
}

impl Scope {
    pub(crate) fn near(&self, places: &[Place]) -> Vec<Place> {
        places.iter().filter(|place| self.near.contains(&place.unit)).copied().collect()
    }

    pub(crate) fn conversation(&self, places: &[Place]) -> Vec<Place> {
        places.iter().filter(|place| self.conversation.contains(&place.unit)).copied().collect()
    }
}

/// The units of a capture by what ties them together.
pub(crate) struct Scopes<'a> {
    evidence: &'a Evidence,
    texts: &'a [String],
    by_trace: HashMap<&'a str, Vec<usize>>,
    /// Records that name no trace: any call's.
    loose: Vec<usize>,
    /// The traces of each session.
    sessions: Vec<HashSet<&'a str>>,
}

impl<'a> Scopes<'a> {
    pub(crate) fn new(expected: &'a Expected, evidence: &'a Evidence) -> Self {
        let mut by_trace: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut loose = Vec::new();
        for (place, unit) in evidence.units.iter().enumerate().filter(|(_, unit)| unit.kind != UnitKind::Shared) {
            match unit.trace_id.as_str() {
                "" => loose.push(place),
                trace_id => by_trace.entry(trace_id).or_default().push(place),
            }
        }
        let traces_with = |id: &String| {
            let traces = evidence.text(id).into_iter().map(|place| evidence.units[place.unit].trace_id.as_str());
            traces.filter(|trace_id| !trace_id.is_empty()).collect::<HashSet<_>>()
        };
        Self {
            evidence,
            texts: &expected.texts,
            by_trace,
            loose,
            sessions: expected.session_ids.iter().map(traces_with).collect(),
        }
    }

    pub(crate) fn of(&self, call: &LlmCall) -> Scope {
        let told = self.told(call);
        let home: BTreeSet<usize> = told.iter().map(|place| place.unit).collect();
        let traces: HashSet<&str> = home.iter().map(|unit| self.trace(*unit)).collect();
        let mut near: HashSet<usize> = home.iter().copied().collect();
        if traces.contains("") || home.is_empty() {
            near.extend(&self.loose);
        }
        for trace_id in &traces {
            near.extend(self.near(&home, trace_id));
        }
        let of_session = self.sessions.iter().filter(|session| traces.iter().any(|trace| session.contains(trace)));
        let conversation: HashSet<&str> = of_session.flatten().chain(&traces).copied().collect();
        let units = conversation.iter().filter_map(|trace_id| self.by_trace.get(trace_id)).flatten();
        let conversation = units.chain(&self.loose).copied().collect();
        Scope { told, home, near, conversation }
    }

    fn trace(&self, unit: usize) -> &'a str {
        &self.evidence.units[unit].trace_id
    }

    fn told(&self, call: &LlmCall) -> Vec<Place> {
        let own = |mut places: Vec<Place>| {
            places.retain(|place| self.evidence.units[place.unit].kind != UnitKind::Shared);
            places
        };
        // Nothing is answered: its model, which embeds only, names it.
        if let Some(model) = call.model.as_deref().filter(|_| call.is_embedding) {
            return own(self.evidence.whole(|text| text == model));
        }
        let by_id = call.response_id.as_deref().map(|id| own(self.evidence.text(id))).unwrap_or_default();
        if !by_id.is_empty() {
            return by_id;
        }
        let text = call.output_text.as_deref().map(|text| own(self.evidence.text(text)));
        let tools = call.tool_calls.iter().map(|tool| own(self.evidence.text(&tool.name)));
        let by_answer = text.into_iter().chain(tools).filter(|places| !places.is_empty()).reduce(in_one_unit);
        let number = |number: Option<i64>| own(number.map(|n| self.evidence.number(n).to_vec()).unwrap_or_default());
        let by_usage = in_one_unit(number(call.input_tokens), number(call.output_tokens));
        let Some(told) = by_answer.filter(|places| !places.is_empty()) else { return by_usage };
        // Histories repeat the answer; its usage, and what was asked, stand where the call does.
        let asked = call.input.iter().map(|text| own(self.evidence.text(&self.texts[*text])));
        asked.rev().chain([by_usage]).fold(told, |told, more| {
            let both = in_one_unit(told.clone(), more);
            if both.is_empty() { told } else { both }
        })
    }

    /// Of a trace: ancestors and descendants of a call's spans, what overlaps them in time, and the records of all of them.
    fn near(&self, home: &BTreeSet<usize>, trace_id: &str) -> Vec<usize> {
        let all = self.by_trace.get(trace_id).map_or(&[][..], Vec::as_slice);
        let unit = |place: usize| &self.evidence.units[place];
        let spans: HashMap<&str, usize> = all
            .iter()
            .filter(|place| unit(**place).kind == UnitKind::Span)
            .map(|place| (unit(*place).span_id.as_str(), *place))
            .collect();
        // Of a record its span; one whose span was not sent stands for itself.
        let own: HashSet<usize> = home
            .iter()
            .filter(|place| unit(**place).trace_id == trace_id)
            .map(|place| spans.get(unit(*place).span_id.as_str()).copied().unwrap_or(*place))
            .collect();
        let above = |place: usize| {
            let mut chain = Vec::new();
            let mut at = spans.get(unit(place).parent_span_id.as_str()).copied();
            while let Some(parent) = at.filter(|parent| !chain.contains(parent)) {
                chain.push(parent);
                at = spans.get(unit(parent).parent_span_id.as_str()).copied();
            }
            chain
        };
        let mut near: HashSet<usize> = own.iter().flat_map(|place| above(*place)).chain(own.iter().copied()).collect();
        let overlap = |a: usize, b: usize| {
            let (a, b) = (unit(a), unit(b));
            a.start_unix_nano <= b.end_unix_nano && b.start_unix_nano <= a.end_unix_nano
        };
        near.extend(spans.values().copied().filter(|place| {
            own.iter().any(|own| overlap(*own, *place)) || above(*place).iter().any(|above| own.contains(above))
        }));
        let ids: HashSet<&str> = near.iter().map(|place| unit(*place).span_id.as_str()).collect();
        all.iter()
            .copied()
            .filter(|place| near.contains(place) || ids.contains(unit(*place).span_id.as_str()))
            .collect()
    }
}

/// The places of both in spans and records that have both.
fn in_one_unit(a: Vec<Place>, b: Vec<Place>) -> Vec<Place> {
    let units = |places: &[Place]| places.iter().map(|place| place.unit).collect::<HashSet<_>>();
    let both = &units(&a) & &units(&b);
    a.into_iter().chain(b).filter(|place| both.contains(&place.unit)).collect()
}
