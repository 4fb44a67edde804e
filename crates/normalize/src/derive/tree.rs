//! The spans of a trace as a tree: who is whose parent, parents before children.
//!
//! Everything is iterative and linear, since parent chains come from strangers: they may be 100,000 deep, cyclic, or point
//! at spans that never come. Indexes are places in [`Tree::nodes`], which is sorted, so a smaller index is an earlier span.

use std::collections::HashMap;

use gleaner_model::SpanFragment;

use crate::mapped::{Mapped, MergedSpan};

/// One span with what its convention reads from it.
pub(crate) struct Node<'a> {
    /// The span as sent.
    pub(crate) merged: &'a MergedSpan,
    /// What it means.
    pub(crate) mapped: &'a Mapped,
}

impl<'a> Node<'a> {
    /// The raw span.
    pub(crate) fn span(&self) -> &'a SpanFragment {
        &self.merged.span
    }
}

/// The spans of a trace with their parents.
pub(crate) struct Tree<'a> {
    /// By start time, then span id.
    pub(crate) nodes: Vec<Node<'a>>,
    /// The parent, where it is known. Free of cycles.
    pub(crate) parents: Vec<Option<usize>>,
    /// A parent is named and not in the trace (yet).
    pub(crate) parent_absent: Vec<bool>,
    /// Every index once, parents before children.
    top_down: Vec<usize>,
}

impl<'a> Tree<'a> {
    /// Span ids must be unique within `spans`; their order does not matter.
    pub(crate) fn new(spans: &'a [(MergedSpan, Mapped)]) -> Self {
        let mut nodes: Vec<Node<'a>> = spans.iter().map(|(merged, mapped)| Node { merged, mapped }).collect();
        nodes.sort_by(|a, b| {
            let key = |node: &Node<'a>| (node.span().start_time_unix_nano, node.span().span_id.as_str());
            key(a).cmp(&key(b))
        });
        let places: HashMap<&str, usize> =
            nodes.iter().enumerate().map(|(place, node)| (node.span().span_id.as_str(), place)).collect();
        let mut parents: Vec<Option<usize>> = nodes
            .iter()
            .map(|node| {
                let parent = node.span().parent_span_id.as_deref()?;
                places.get(parent).copied().or_else(|| nearest_listed(node, &places))
            })
            .collect();
        let parent_absent = nodes
            .iter()
            .zip(&parents)
            .map(|(node, parent)| node.span().parent_span_id.is_some() && parent.is_none())
            .collect();
        break_cycles(&mut parents);
        let top_down = parents_first(&parents);
        Self { nodes, parents, parent_absent, top_down }
    }

    /// Parents before children.
    pub(crate) fn top_down(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.top_down.iter().copied()
    }

    /// Children before parents.
    pub(crate) fn bottom_up(&self) -> impl Iterator<Item = usize> + '_ {
        self.top_down().rev()
    }

    /// For every span the nearest of itself and its ancestors that `carries` something.
    pub(crate) fn nearest(&self, carries: impl Fn(usize) -> bool) -> Vec<Option<usize>> {
        let mut nearest = vec![None; self.nodes.len()];
        for place in self.top_down() {
            nearest[place] =
                if carries(place) { Some(place) } else { self.parents[place].and_then(|parent| nearest[parent]) };
        }
        nearest
    }

    /// Whether its parent is not in the trace and was made by another process: the first span of this one. The parent may well
    /// go to another backend and never come.
    pub(crate) fn is_entry(&self, place: usize) -> bool {
        self.parent_absent[place] && self.nodes[place].span().flags & PARENT_IS_REMOTE == PARENT_IS_REMOTE
    }

    /// Whether it has no parent at all: the root of the trace, or the first span of a cycle.
    pub(crate) fn is_parentless(&self, place: usize) -> bool {
        self.parents[place].is_none() && !self.parent_absent[place]
    }
}

/// The nearest of the ancestors that a span lists itself, where its parent is not in the trace.
fn nearest_listed(node: &Node<'_>, places: &HashMap<&str, usize>) -> Option<usize> {
    let own = node.span().span_id.as_str();
    let listed = node.mapped.ancestors.iter().flatten().rev().take(MAX_LISTED);
    listed.filter(|id| *id != own).find_map(|id| places.get(id.as_str()).copied())
}

/// `SpanFlags` of OTLP: whether the parent is remote is known (0x100), and it is (0x200).
const PARENT_IS_REMOTE: u32 = 0x300;

/// How many listed ancestors are looked up.
const MAX_LISTED: usize = 64;

/// Cuts every cycle at its first span by (start, id), which then has no parent.
fn break_cycles(parents: &mut [Option<usize>]) {
    const NEVER: usize = usize::MAX;
    let mut walked_from = vec![NEVER; parents.len()];
    for start in 0..parents.len() {
        let mut at = start;
        while walked_from[at] == NEVER {
            walked_from[at] = start;
            match parents[at] {
                Some(parent) => at = parent,
                None => break,
            }
        }
        let closes_a_cycle = walked_from[at] == start && parents[at].is_some();
        if closes_a_cycle {
            let mut first = at;
            let mut next = parents[at];
            while let Some(place) = next.filter(|place| *place != at) {
                first = first.min(place);
                next = parents[place];
            }
            parents[first] = None;
        }
    }
}

fn parents_first(parents: &[Option<usize>]) -> Vec<usize> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    let mut order = Vec::with_capacity(parents.len());
    for (place, parent) in parents.iter().enumerate() {
        match parent {
            Some(parent) => children[*parent].push(place),
            None => order.push(place),
        }
    }
    let mut done = 0;
    while done < order.len() {
        order.extend_from_slice(&children[order[done]]);
        done += 1;
    }
    order
}

#[cfg(test)]
mod tests;
