//! What people, a judge and a checker say of the session, in the order in which they say it, and what must be refused.

use gleaner_wire::feedback::{
    Artifact, Comparison, DefinitionRef, Directive, Evaluation, Evolution, EvolutionOutcome, Insight, Item, Lock,
    Pairwise, Ranking, Retraction, Session, Source, Struct, Target, Timestamp, Value, ValueKind, comparison::Form,
    directive, evaluation::Value as Rating, item::Kind, ranking::Group,
};

use super::agents::SESSION;

/// Ids that a client reads before it can name things by them. All are derived, so they hold on any server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) attempt_d1: String,
    pub(super) artifact_d1: String,
    pub(super) answer_c1: String,
    pub(super) definition_plain: String,
    pub(super) definition_tooled: String,
    pub(super) declared_artifact: String,
    pub(super) second_lock: String,
}

/// An item and how this test calls it: by its idempotency key, unless it has none.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) name: &'static str,
    pub(super) item: Item,
}

/// The two items whose ids others name.
pub(super) fn named_by_id() -> Vec<Said> {
    vec![
        say(
            "art",
            "mara",
            Kind::Artifact(Artifact {
                target: Some(at("A", 2)),
                name: "rain.md".into(),
                r#type: "text/markdown".into(),
                content: "# Rain".into(),
            }),
        ),
        say("lock-2-C", "mara", compare(2, Form::Lock(Lock { locked: lineages(&["C"]), over: Vec::new() }))),
    ]
}

/// Everything that is said. The first half comes before the spans.
pub(super) fn items(ids: &Ids) -> Vec<Said> {
    let retract =
        |name, of: &str| say(name, "mara", Kind::Retraction(Retraction { of: of.into(), reason: String::new() }));
    let mut items = vec![
        say(
            "session-1",
            "mara",
            Kind::Session(Session {
                session: SESSION.into(),
                need: "A poem about rain".into(),
                constraints: "8 lines".into(),
                context: String::new(),
                metadata: Some(Struct {
                    fields: [("ticket".to_owned(), Value { kind: Some(ValueKind::NumberValue(7.0)) })].into(),
                }),
            }),
        ),
        score("A1-mara", "mara", at("A", 1), 8.0),
        score("B1-mara", "mara", at("B", 1), 6.0),
        score("C1-mara", "mara", at("C", 1), 6.0),
        score("D1-mara-first", "mara", at("D", 1), 3.0),
        score("A1-jonas", "jonas", Target { trace_id: trace(0x11), ..Target::default() }, 4.0),
        score("B1.1-jonas", "jonas", Target { attempt_number: 1, ..at("B", 1) }, 2.0),
        score("D1-jonas", "jonas", Target { attempt_id: ids.attempt_d1.clone(), ..Target::default() }, 9.0),
        score("C1-judge", "judge", response(41), 7.5),
        score("D1-mara", "mara", at("D", 1), 5.0),
        rate("tone-first", "mara", at("A", 1), "tone", Rating::Score(2.0)),
        rate("tone", "mara", at("A", 1), "tone", Rating::Score(7.0)),
        rate("rhymes-A", "check", spanned(0x11, 11), "rhymes", Rating::Boolean(true)),
        rate("rhymes-D", "check", spanned(0x15, 51), "rhymes", Rating::Boolean(false)),
        rate("lines", "check", at("B", 1), "lines", Rating::Number(12.0)),
        unkeyed(rate("style", "judge", at("C", 1), "style", Rating::Label("haiku".into()))),
        rate("layout-span", "mara", artifact(&ids.artifact_d1), "layout", Rating::Score(4.0)),
        rate("layout-declared", "mara", artifact(&ids.declared_artifact), "layout", Rating::Score(8.0)),
        rate("layout-answer", "judge", artifact(&ids.answer_c1), "layout", Rating::Score(6.0)),
        unkeyed(say(
            "comment",
            "mara",
            Kind::Evaluation(Evaluation {
                target: Some(at("D", 1)),
                comment: "Too long".into(),
                ..Evaluation::default()
            }),
        )),
        say(
            "correction",
            "mara",
            Kind::Evaluation(Evaluation {
                target: Some(at("B", 1)),
                comment: "Like this".into(),
                correction: "It rained, and that was all.".into(),
                ..Evaluation::default()
            }),
        ),
        rank("rank-1-mara", "mara", 1, &[&["B"], &["A", "D"], &["C"]], &["C", "D", "A", "B"]),
        rank("rank-1-jonas", "jonas", 1, &[&["D"], &["C"], &["A"]], &["A", "C", "D"]),
        say("lock-1", "mara", compare(1, Form::Lock(Lock { locked: lineages(&["A"]), over: Vec::new() }))),
        // Takes back what is said only later, below.
        retract("retract-late", "late"),
        retract("retract-nothing", "nobody-said-this"),
        unkeyed(directive("once", "mara", at("A", 1), "Shorter, please", directive::Kind::Once)),
        directive("sticky-all", "jonas", whole_session(), "No clichés", directive::Kind::Sticky),
        directive(
            "sticky-B",
            "judge",
            Target { lineage: "B".into(), ..whole_session() },
            "Less",
            directive::Kind::Sticky,
        ),
        evolve("evolution-B", "B", label("b1"), label("b2")),
        evolve("evolution-C", "C", cycle(1), cycle(3)),
    ];
    items.extend(named_by_id());
    items.extend([
        score("A2-mara", "mara", at("A", 2), 6.0),
        score("B2-mara", "mara", at("B", 2), 9.0),
        score("C2-mara", "mara", at("C", 2), 7.0),
        score("late", "mara", at("C", 2), 1.0),
        score("D2-mara", "mara", at("D", 2), 4.0),
        score("A2-jonas", "jonas", response(111), 7.0),
        score("B2-jonas", "jonas", spanned(0x20, 121), 8.0),
        score("whole-trace", "jonas", Target { trace_id: trace(0x20), ..Target::default() }, 5.0),
        score("orchestrator", "jonas", spanned(0x20, 100), 5.0),
        rate("checked", "jonas", spanned(0x20, 144), "facts", Rating::Score(9.0)),
        say("lock-2-B", "mara", compare(2, Form::Lock(Lock { locked: lineages(&["B"]), over: lineages(&["A", "D"]) }))),
        retract("unlock-2-C", &ids.second_lock),
        prefer("prefer-2", "jonas", at("A", 2), at("B", 2), false),
        prefer("tie-2", "judge", at("A", 2), at("C", 2), true),
        score("A3-mara", "mara", at("A", 3), 6.0),
        score("A3.1-mara", "mara", Target { attempt_number: 1, ..at("A", 3) }, 3.0),
        score("B3-mara", "mara", at("B", 3), 10.0),
        score("B3-mara-slip", "mara", at("B", 3), 4.0),
        retract("retract-slip", "B3-mara-slip"),
        score("C3-mara", "mara", at("C", 3), 8.0),
        score("D3-mara", "mara", at("D", 3), 2.0),
        score("B3-jonas-typo", "jonas", at("B", 3), 1.0),
        retract("retract-typo", "B3-jonas-typo"),
        retract("retract-retraction", "retract-typo"),
        // The second of the attempt's two traces.
        score("B3-jonas", "jonas", Target { trace_id: trace(0x36), ..Target::default() }, 9.0),
        rank("rank-3", "mara", 3, &[&["B"], &["D"], &["A"]], &[]),
        say("lock-3", "jonas", compare(3, Form::Lock(Lock { locked: lineages(&["B", "C"]), over: Vec::new() }))),
        say("lock-3-A", "mara", compare(3, Form::Lock(Lock { locked: lineages(&["A"]), over: lineages(&["B"]) }))),
        retract("unlock-3-A", "lock-3-A"),
        prefer(
            "prefer-3",
            "mara",
            Target { attempt_number: 2, ..at("A", 3) },
            Target { attempt_number: 1, ..at("A", 3) },
            false,
        ),
        prefer("prefer-failed", "jonas", at("B", 3), at("D", 3), false),
        score("never-trace", "mara", Target { trace_id: trace(0xc0ffee), ..Target::default() }, 7.0),
        score("never-response", "mara", Target { response_id: "resp-none".into(), ..Target::default() }, 7.0),
        evolve("evolution-A", "A", definition(&ids.definition_plain), definition(&ids.definition_tooled)),
        outcome("outcome-B", "evolution-B", true, Some(9.5)),
        outcome("outcome-C-first", "evolution-C", true, None),
        outcome("outcome-C", "evolution-C", false, None),
        say(
            "insight",
            "mara",
            Kind::Insight(Insight {
                scope: "poems".into(),
                text: "Bounds help the loud".into(),
                evidence: vec!["evolution-B".into(), "B2-mara".into()],
                confidence: Some(0.5),
            }),
        ),
        say("insight-wrong", "jonas", Kind::Insight(Insight { text: "Sad is better".into(), ..Insight::default() })),
        retract("retract-insight", "insight-wrong"),
        say(
            "session-2",
            "jonas",
            Kind::Session(Session { session: SESSION.into(), constraints: "12 lines".into(), ..Session::default() }),
        ),
    ]);
    items
}

/// Items that must be refused, with the field at fault.
pub(super) fn bad_items() -> Vec<(&'static str, Item)> {
    let bad = |kind| say("", "mara", kind).item;
    let evaluation = |target, value| {
        bad(Kind::Evaluation(Evaluation { target, value, comment: "so".into(), ..Evaluation::default() }))
    };
    let score = |score| evaluation(Some(at("A", 1)), Some(Rating::Score(score)));
    let of = |target| evaluation(Some(target), None);
    let compare = |form| bad(compare(1, form));
    let lock = |locked: &[&str], over: &[&str]| Form::Lock(Lock { locked: lineages(locked), over: lineages(over) });
    let ranking = |groups: &[&[&str]], shown: &[&str]| rank("", "mara", 1, groups, shown).item;
    vec![
        ("score", score(11.0)),
        ("score", score(0.99)),
        ("score", score(f64::NAN)),
        ("number", evaluation(Some(at("A", 1)), Some(Rating::Number(f64::INFINITY)))),
        ("criterion", evaluation(Some(at("A", 1)), Some(Rating::Boolean(true)))),
        ("target", evaluation(None, Some(Rating::Score(5.0)))),
        ("target", of(Target::default())),
        ("target.trace_id", of(Target { trace_id: "abc".into(), ..Target::default() })),
        ("target.span_id", of(Target { span_id: "00000000000000ab".into(), ..Target::default() })),
        ("target.lineage", of(Target { lineage: "A".into(), ..Target::default() })),
        ("ranking", ranking(&[&["A"]], &[])),
        ("ranking", ranking(&[&["A"], &["A"]], &[])),
        ("ranking.shown_order", ranking(&[&["A"], &["B"]], &["A", "C"])),
        ("lock", compare(lock(&[], &["A"]))),
        ("lock", compare(lock(&["A"], &["A"]))),
        ("pairwise", compare(Form::Pairwise(Pairwise { preferred: Some(at("A", 1)), ..Pairwise::default() }))),
        ("text", directive("", "mara", at("A", 1), "", directive::Kind::Once).item),
        ("content", bad(Kind::Artifact(Artifact { target: Some(at("A", 1)), ..Artifact::default() }))),
        (
            "from",
            bad(Kind::Evolution(Evolution {
                session: SESSION.into(),
                lineage: "A".into(),
                to: Some(cycle(2)),
                ..Evolution::default()
            })),
        ),
        (
            "from.version",
            evolve("", "A", DefinitionRef { version: "1".into(), ..DefinitionRef::default() }, cycle(2)).item,
        ),
        ("of", bad(Kind::EvolutionOutcome(EvolutionOutcome { comment: "good".into(), ..EvolutionOutcome::default() }))),
        ("score_after", outcome("", "evolution-B", true, Some(12.0)).item),
        ("confidence", bad(Kind::Insight(Insight { text: "x".into(), confidence: Some(1.5), ..Insight::default() }))),
        ("session", bad(Kind::Session(Session { need: "x".into(), ..Session::default() }))),
        ("of", bad(Kind::Retraction(Retraction::default()))),
        ("kind", Item { reviewer: "mara".into(), ..Item::default() }),
        ("source", Item { source: 99, ..score(5.0) }),
        ("created_at", Item { created_at: Some(Timestamp { seconds: -1, nanos: 0 }), ..score(5.0) }),
    ]
}

/// Session, lineage and cycle.
pub(super) fn at(lineage: &str, cycle: u32) -> Target {
    Target { session: SESSION.into(), lineage: lineage.into(), cycle, ..Target::default() }
}

fn whole_session() -> Target {
    Target { session: SESSION.into(), ..Target::default() }
}

fn lineages(labels: &[&str]) -> Vec<Target> {
    labels.iter().map(|label| Target { lineage: (*label).into(), ..Target::default() }).collect()
}

fn spanned(number: u64, span: u64) -> Target {
    Target { trace_id: trace(number), span_id: format!("{span:016x}"), ..Target::default() }
}

fn response(span: u64) -> Target {
    Target { response_id: format!("resp-{span}"), ..Target::default() }
}

fn artifact(id: &str) -> Target {
    Target { artifact_id: id.into(), ..Target::default() }
}

fn trace(number: u64) -> String {
    format!("{number:032x}")
}

fn say(name: &'static str, reviewer: &str, kind: Kind) -> Said {
    let source = match reviewer {
        "judge" => Source::Model,
        "check" => Source::Code,
        _ => Source::Human,
    };
    let item = Item {
        idempotency_key: name.into(),
        reviewer: reviewer.into(),
        source: source as i32,
        created_at: Some(Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        kind: Some(kind),
    };
    Said { name, item }
}

fn unkeyed(mut said: Said) -> Said {
    said.item.idempotency_key.clear();
    said
}

pub(super) fn score(name: &'static str, reviewer: &str, target: Target, score: f64) -> Said {
    rate(name, reviewer, target, "", Rating::Score(score))
}

fn rate(name: &'static str, reviewer: &str, target: Target, criterion: &str, value: Rating) -> Said {
    say(
        name,
        reviewer,
        Kind::Evaluation(Evaluation {
            target: Some(target),
            criterion: criterion.into(),
            value: Some(value),
            ..Evaluation::default()
        }),
    )
}

fn compare(cycle: u32, form: Form) -> Kind {
    Kind::Comparison(Comparison { session: SESSION.into(), cycle, form: Some(form), ..Comparison::default() })
}

fn rank(name: &'static str, reviewer: &str, cycle: u32, groups: &[&[&str]], shown: &[&str]) -> Said {
    let groups = groups.iter().map(|group| Group { targets: lineages(group) }).collect();
    say(name, reviewer, compare(cycle, Form::Ranking(Ranking { groups, shown_order: lineages(shown) })))
}

fn prefer(name: &'static str, reviewer: &str, preferred: Target, rejected: Target, tie: bool) -> Said {
    let form = Form::Pairwise(Pairwise { preferred: Some(preferred), rejected: Some(rejected), tie });
    say(name, reviewer, Kind::Comparison(Comparison { form: Some(form), ..Comparison::default() }))
}

fn directive(name: &'static str, reviewer: &str, target: Target, text: &str, kind: directive::Kind) -> Said {
    say(name, reviewer, Kind::Directive(Directive { target: Some(target), text: text.into(), kind: kind as i32 }))
}

fn evolve(name: &'static str, lineage: &str, from: DefinitionRef, to: DefinitionRef) -> Said {
    say(
        name,
        "mara",
        Kind::Evolution(Evolution {
            session: SESSION.into(),
            lineage: lineage.into(),
            from: Some(from),
            to: Some(to),
            changes: "prompt".into(),
            hypothesis: "better".into(),
        }),
    )
}

fn label(version: &str) -> DefinitionRef {
    DefinitionRef { agent: "writer".into(), version: version.into(), ..DefinitionRef::default() }
}

fn cycle(cycle: u32) -> DefinitionRef {
    DefinitionRef { cycle, ..DefinitionRef::default() }
}

fn definition(id: &str) -> DefinitionRef {
    DefinitionRef { agent_definition_id: id.into(), ..DefinitionRef::default() }
}

fn outcome(name: &'static str, of: &str, validated: bool, score_after: Option<f64>) -> Said {
    say(
        name,
        "jonas",
        Kind::EvolutionOutcome(EvolutionOutcome {
            of: of.into(),
            hypothesis_validated: Some(validated),
            score_after,
            ..EvolutionOutcome::default()
        }),
    )
}
