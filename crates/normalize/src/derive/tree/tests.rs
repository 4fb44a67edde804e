use super::*;
use crate::derive::fixtures::{TestSpan, chain, derive};

fn pairs(spans: Vec<TestSpan>) -> Vec<(MergedSpan, Mapped)> {
    spans.into_iter().map(|TestSpan(merged, mapped)| (merged, mapped)).collect()
}

#[test]
fn parents_come_before_children_whatever_their_times() {
    let spans =
        pairs(vec![chain("leaf").under("mid").at(1, 2), chain("mid").under("root").at(2, 9), chain("root").at(3, 9)]);
    let tree = Tree::new(&spans);
    let order: Vec<&str> = tree.top_down().map(|place| tree.nodes[place].span().span_id.as_str()).collect();
    assert_eq!(order, ["root", "mid", "leaf"]);
}

#[test]
fn an_absent_parent_is_no_parent_and_no_root() {
    let spans = pairs(vec![chain("a").under("gone")]);
    let tree = Tree::new(&spans);
    assert_eq!((tree.parents[0], tree.parent_absent[0], tree.is_parentless(0)), (None, true, false));
}

#[test]
fn a_cycle_is_cut_at_its_first_span() {
    // tail → b → c → a → b: the first of the cycle by (start, id) is a.
    let spans = pairs(vec![
        chain("tail").under("b").at(0, 1),
        chain("a").under("b").at(1, 2),
        chain("b").under("c").at(2, 3),
        chain("c").under("a").at(3, 4),
        chain("me").under("me").at(5, 6),
    ]);
    let tree = Tree::new(&spans);
    let parents: Vec<Option<&str>> =
        tree.parents.iter().map(|parent| parent.map(|place| tree.nodes[place].span().span_id.as_str())).collect();
    assert_eq!(parents, [Some("b"), None, Some("c"), Some("a"), None]);
    assert!(tree.is_parentless(1) && tree.is_parentless(4));
    assert_eq!(tree.top_down().count(), 5);
}

#[test]
fn nearest_is_self_before_ancestors() {
    let spans = pairs(vec![chain("a").at(1, 9), chain("b").under("a").at(2, 9), chain("c").under("b").at(3, 9)]);
    let tree = Tree::new(&spans);
    assert_eq!(tree.nearest(|place| place < 2), [Some(0), Some(1), Some(1)]);
}

/// Guarantees: a chain of 100,000 spans, straight or closed to a cycle, is derived without overflow and in linear time.
#[test]
fn very_deep_chains_are_derived() {
    const DEPTH: u64 = 100_000;
    let mut spans: Vec<TestSpan> = (1..DEPTH)
        .map(|depth| chain(&format!("{depth:06}")).under(&format!("{:06}", depth - 1)).at(depth, 2 * DEPTH))
        .collect();
    spans.push(chain("000000").attr("gleaner.session.id", "s").at(0, 2 * DEPTH));
    let trace = derive(spans.clone());
    assert_eq!(trace.spans.len(), DEPTH as usize);
    assert_eq!(trace.attempts[0].session_id, "s");

    let root = spans.len() - 1;
    spans[root].0.span.parent_span_id = Some(format!("{:06}", DEPTH - 1));
    let cyclic = derive(spans);
    assert_eq!(cyclic.attempts[0].root_span_id.as_deref(), Some("000000"));
}

#[test]
fn where_the_parent_never_comes_the_nearest_listed_ancestor_stands_in() {
    let listed = |span: TestSpan| {
        span.mapped(|mapped| mapped.ancestors = Some(vec!["root".into(), "mid".into(), "gone".into()]))
    };
    let spans = pairs(vec![
        chain("root").at(1, 9),
        chain("mid").under("root").at(2, 8),
        listed(chain("a").under("gone").at(3, 4)),
        listed(chain("b").under("root").at(5, 6)),
    ]);
    let tree = Tree::new(&spans);
    let parent = |place: usize| tree.parents[place].map(|parent| tree.nodes[parent].span().span_id.as_str());
    assert_eq!([parent(2), parent(3)], [Some("mid"), Some("root")]);
    assert!(!tree.parent_absent[2]);
}
