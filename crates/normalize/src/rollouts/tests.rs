use gleaner_model::{Fragment, SpanFragment, StoredFragment};
use serde_json::{Value, json};

use crate::units::{derive_unit, unit_key};

fn stored(trace: char, attributes: Value) -> StoredFragment {
    let object = |value: Value| value.as_object().cloned().unwrap_or_default();
    StoredFragment {
        project: "p".into(),
        position: 1,
        ordinal: 0,
        recorded_at_unix_nano: 1,
        fragment: Fragment::Span(Box::new(SpanFragment {
            trace_id: trace.to_string().repeat(32),
            span_id: trace.to_string().repeat(16),
            name: "agentlightning.annotation".into(),
            attributes: object(attributes),
            resource: object(json!({"agentlightning.rollout_id": "ro-1", "agentlightning.attempt_id": "at-1"})),
            ..SpanFragment::default()
        })),
    }
}

fn sessions(fragments: &[StoredFragment]) -> Vec<String> {
    let derived = derive_unit("p", fragments);
    derived.iter().flat_map(|trace| &trace.attempts).map(|attempt| attempt.session_id.clone()).collect()
}

#[test]
fn a_trace_without_a_session_belongs_to_its_rollout_s() {
    let turn = stored('a', json!({"session.id": "s-1"}));
    let reward = stored('b', json!({"agentlightning.reward.0.value": 1.0}));
    assert_eq!(unit_key(&reward.fragment).as_deref(), Some("rollout:ro-1"));
    assert_eq!(sessions(&[turn.clone(), reward.clone()]), ["s-1", "s-1"]);
    let attempts: Vec<String> = derive_unit("p", &[turn, reward.clone()])
        .iter()
        .flat_map(|trace| &trace.attempts)
        .map(|attempt| attempt.attempt_id.clone())
        .collect();
    assert_eq!(attempts[0], attempts[1]);
    assert_eq!(sessions(&[reward]), ["ro-1"]);
}

#[test]
fn a_rollout_of_two_sessions_names_none() {
    let turns = [stored('a', json!({"session.id": "s-1"})), stored('b', json!({"session.id": "s-2"}))];
    let reward = stored('c', json!({}));
    assert_eq!(sessions(&[turns[0].clone(), turns[1].clone(), reward]), ["s-1", "s-2", "ro-1"]);
}
