//! Exports against a truth that the program had no part in: `tests/truth/story.json` is written by hand, `compute.py` beside it
//! derives `expected.json` from the rules alone.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use gleaner_wire::proto::trace::v1::{Status, status::StatusCode};
use serde_json::{Value, json};

use crate::harness::{Gleaner, Traces, request, span};

/// Start of the first attempt, and distance of one from the next. Nanoseconds.
const START: u64 = 1_700_000_000_000_000_000;
const APART: u64 = 60_000_000_000;

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/truth").join(name);
    serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// An attempt of the story as a client's agent would send it: a span with the keys and one model call.
fn attempt(place: u64, told: &Value, system: &Value) -> Traces {
    let said = |role: &str, text: &Value| json!([{"role": role, "parts": [{"type": "text", "content": text}]}]);
    let keys = [
        ("gen_ai.operation.name", json!("invoke_agent")),
        ("gen_ai.agent.name", json!("namer")),
        ("gleaner.session.id", told["session"].clone()),
        ("gleaner.lineage.label", told["lineage"].clone()),
        ("gleaner.rollout.cycle", told["cycle"].clone()),
        ("gleaner.attempt.number", told["number"].clone()),
    ];
    let call = [
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.request.model", json!("m")),
        ("gen_ai.system_instructions", json!(json!([{"type": "text", "content": system}]).to_string())),
        ("gen_ai.input.messages", json!(said("user", &told["question"]).to_string())),
        ("gen_ai.output.messages", json!(said("assistant", &told["answer"]).to_string())),
    ];
    let trace = place + 1;
    let mut spans = vec![span(trace, 1, 0, "invoke_agent namer", &keys), span(trace, 2, 1, "chat m", &call)];
    for span in &mut spans {
        (span.start_time_unix_nano, span.end_time_unix_nano) = (START + place * APART, START + place * APART + 1_000);
    }
    if told["status"] == "error" {
        spans[0].status = Some(Status { code: StatusCode::Error.into(), message: "no lamp".into() });
    }
    request(spans)
}

/// An item of the story in the form of the API.
fn item(told: &Value) -> Value {
    let (session, cycle) = (&told["session"], &told["cycle"]);
    let lineage = |label: &Value| json!({"lineage": label});
    let lineages = |labels: &Value| -> Vec<Value> { list(labels).iter().map(lineage).collect() };
    let mut target = json!({"session": session, "lineage": told["lineage"], "cycle": cycle});
    if let Some(number) = told.get("number") {
        target["attemptNumber"] = number.clone();
    }
    let of = |form: &str, held: Value| {
        let mut out = json!({"session": session, "cycle": cycle, form: held});
        if let Some(criterion) = told.get("criterion") {
            out["criterion"] = criterion.clone();
        }
        json!({"comparison": out})
    };
    let mut out = match () {
        () if told.get("ranking").is_some() => {
            let groups: Vec<Value> = list(&told["ranking"]).iter().map(|g| json!({"targets": lineages(g)})).collect();
            of("ranking", json!({"groups": groups}))
        }
        () if told.get("prefer").is_some() => {
            of("pairwise", json!({"preferred": lineage(&told["prefer"][0]), "rejected": lineage(&told["prefer"][1])}))
        }
        () if told.get("lock").is_some() => {
            of("lock", json!({"locked": lineages(&told["lock"]), "over": lineages(&told["over"])}))
        }
        () if told.get("retract").is_some() => json!({"retraction": {"of": told["retract"]}}),
        () if told.get("correction").is_some() => {
            json!({"evaluation": {"target": target, "correction": told["correction"]}})
        }
        () if told.get("criterion").is_some() => {
            json!({"evaluation": {"target": target, "score": told["score"], "criterion": told["criterion"]}})
        }
        () => json!({"evaluation": {"target": target, "score": told["score"]}}),
    };
    let minute = told["minute"].as_u64().expect("a minute");
    out["idempotencyKey"] = told["id"].clone();
    out["reviewer"] = told["reviewer"].clone();
    out["source"] = json!(format!("SOURCE_{}", told["source"].as_str().expect("a source").to_uppercase()));
    out["createdAt"] = json!(format!("2026-01-01T00:{minute:02}:00Z"));
    out
}

/// The files of an export, by name.
async fn export(gleaner: &Gleaner, told: &Value) -> BTreeMap<String, String> {
    let asked = json!({"kinds": [told["kind"]], "selection": told["selection"]});
    let response = gleaner.api("/v1/export", &asked).await;
    let status = response.status();
    let text = response.text().await.expect("a body");
    assert_eq!(status, 200, "{asked}: {text}");
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for piece in text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a piece")) {
        let (name, text) = (piece["file"].as_str().expect("a name"), piece["text"].as_str().expect("text"));
        files.entry(name.to_owned()).or_default().push_str(text);
    }
    files
}

fn sorted(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_key(gleaner_model::canonical_json);
    values
}

/// What an export says, in the story's names and in the shape of `expected.json`.
fn told_of(kind: &str, files: &BTreeMap<String, String>, names: &HashMap<String, String>) -> [Vec<Value>; 2] {
    let lines =
        |text: &String| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect() };
    let name = |id: &Value| id.as_str().map_or(Value::Null, |id| json!(names[id]));
    let mut rows = Vec::new();
    for (file, text) in files.iter().filter(|(file, _)| file.starts_with(kind)) {
        let parts: Vec<&str> = file.split('.').collect();
        let split = if let [_, split, _] = parts.as_slice() { json!(split) } else { Value::Null };
        for row in lines(text) {
            let mut told = match kind {
                "preference" => json!({
                    "chosen": name(&row["chosen_attempt_id"]), "rejected": name(&row["rejected_attempt_id"]),
                    "margin": row["margin"], "rules": row["rules"], "votes": row["votes"],
                    "votes_against": row["votes_against"],
                }),
                _ => json!({"attempt": name(&row["attempt_id"]), "origin": row["origin"], "score": row["score"]}),
            };
            if kind == "kto" {
                told["label"] = row["label"].clone();
            }
            told["split"] = split.clone();
            rows.push(told);
        }
    }
    let rejected = lines(&files["rejected.jsonl"]).into_iter().map(|line| {
        let mut attempts: Vec<String> =
            list(&line["attempt_ids"]).iter().map(|id| names[id.as_str().expect("an id")].clone()).collect();
        attempts.sort_unstable();
        json!({"reason": line["reason"], "attempts": attempts})
    });
    [sorted(rows), sorted(rejected.collect())]
}

/// Scenario: the story of `tests/truth`, sent as spans and items over the API; its exports asked for one after the other.
/// Guarantees: every row (sides, margin, rules, votes, label, score, split) and every rejection (reason, attempts) is as computed
/// from the rules, and there are no others: all pair rules, margins, contested pairs, limits per session, sources,
/// reviewers, a criterion, and splits.
#[tokio::test(flavor = "multi_thread")]
async fn every_row_and_rejection_is_as_computed_from_the_rules() {
    let (story, expected) = (read("story.json"), read("expected.json"));
    let gleaner = Gleaner::start().await;
    for (place, told) in (0..).zip(list(&story["attempts"])) {
        let system = &story["systems"][told["lineage"].as_str().expect("a lineage")];
        gleaner.send(&attempt(place, told, system)).await;
    }
    let items: Vec<Value> = list(&story["feedback"]).iter().map(item).collect();
    let answers = gleaner.feedback(json!(items)).await;
    assert!(answers.iter().all(|(status, _)| status == "ACCEPTED"), "{answers:?}");
    let rows = gleaner
        .sql(
            "SELECT a.attempt_id, a.session_id || '/' || l.label || '/' || a.cycle || '/' || a.attempt_number AS name \
             FROM attempts a JOIN lineages l USING (lineage_id)",
        )
        .await;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let names: HashMap<String, String> =
        rows.iter().map(|row| (text(&row["attempt_id"]), text(&row["name"]))).collect();
    assert_eq!(names.len(), list(&story["attempts"]).len());
    assert_eq!(list(&story["exports"]).len(), list(&expected).len(), "run tests/truth/compute.py");
    for (told, expected) in list(&story["exports"]).iter().zip(list(&expected)) {
        assert_eq!(told["name"], expected["name"]);
        let files = export(&gleaner, told).await;
        let [rows, rejected] = told_of(told["kind"].as_str().expect("a kind"), &files, &names);
        assert_eq!(rows, sorted(list(&expected["rows"]).to_vec()), "rows of {}", told["name"]);
        assert_eq!(rejected, sorted(list(&expected["rejected"]).to_vec()), "rejected of {}", told["name"]);
    }
}
