use gleaner_wire::feedback::{Evaluation, Target, evaluation, item};

use super::*;

fn feedback(journal: &Journal) -> Feedback {
    let feedback = Feedback::new(journal.clone(), FeedbackLimits::default(), 3, Duration::from_secs(5));
    *feedback.known.try_lock().expect("nobody has it yet") = Some(Known::new());
    feedback
}

fn score(key: &str, score: f64) -> Item {
    Item {
        idempotency_key: key.into(),
        reviewer: "mara".into(),
        kind: Some(item::Kind::Evaluation(Evaluation {
            target: Some(Target { attempt_id: "a1".into(), ..Target::default() }),
            value: Some(evaluation::Value::Score(score)),
            ..Evaluation::default()
        })),
        ..Item::default()
    }
}

async fn statuses(feedback: &Feedback, items: Vec<Item>) -> Vec<(Status, String)> {
    let response = feedback.submit("default", items.into_iter().map(Ok).collect()).await.expect("answered");
    response.results.into_iter().map(|r| (r.status(), r.field)).collect()
}

/// Scenario: one batch with a good item, a bad one, a repeat under the same key and a conflict under the same key.
/// Guarantees: each is answered for itself, and only the good one is journalled.
#[tokio::test]
async fn items_are_answered_one_by_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let (journal, _) = Journal::open(dir.path(), gleaner_journal::Config::default()).expect("opens");
    let feedback = feedback(&journal);
    assert_eq!(
        statuses(&feedback, vec![score("k1", 7.0), score("k2", 11.0), score("k1", 7.0)]).await,
        [(Status::Accepted, String::new()), (Status::Refused, "score".to_owned()), (Status::Repeated, String::new())]
    );
    assert_eq!(statuses(&feedback, vec![score("k1", 8.0)]).await, [(Status::Refused, "idempotency_key".to_owned())]);
    let records: Vec<_> = journal.read_from(0).expect("reads").collect::<Result<_, _>>().expect("reads");
    let items: Vec<FeedbackItem> = serde_json::from_slice(&records[0].1.payload).expect("JSON");
    assert_eq!((records.len(), items.len()), (1, 1));
}

/// Guarantees: without a key the content is the key, so the same thumb twice is one.
#[tokio::test]
async fn without_a_key_the_content_is_the_key() {
    let dir = tempfile::tempdir().expect("a directory");
    let (journal, _) = Journal::open(dir.path(), gleaner_journal::Config::default()).expect("opens");
    let feedback = feedback(&journal);
    assert_eq!(
        statuses(&feedback, vec![score("", 7.0), score("", 7.0), score("", 6.0)])
            .await
            .into_iter()
            .map(|s| s.0)
            .collect::<Vec<_>>(),
        [Status::Accepted, Status::Repeated, Status::Accepted]
    );
}

/// Guarantees: a batch over the limit is refused whole, with the limit in the message.
#[tokio::test]
async fn too_many_items_are_refused_with_the_limit() {
    let dir = tempfile::tempdir().expect("a directory");
    let (journal, _) = Journal::open(dir.path(), gleaner_journal::Config::default()).expect("opens");
    let items = (0..4).map(|i| Ok(score(&format!("k{i}"), 5.0))).collect();
    let refusal = feedback(&journal).submit("default", items).await.expect_err("refused");
    assert_eq!(refusal.message, "items has 4 entries, the limit is 3");
}

/// Guarantees: without the keys of what is stored nothing can be told from a repeat, so nothing is taken, and a retry helps.
#[tokio::test]
async fn before_the_store_is_open_feedback_waits() {
    let dir = tempfile::tempdir().expect("a directory");
    let (journal, _) = Journal::open(dir.path(), gleaner_journal::Config::default()).expect("opens");
    let feedback = Feedback::new(journal.clone(), FeedbackLimits::default(), 3, Duration::from_secs(5));
    let refusal = feedback.submit("default", vec![Ok(score("k1", 7.0))]).await.expect_err("refused");
    assert_eq!(refusal.code, ErrorCode::Unavailable);
    assert_eq!(journal.head(), 0);
    feedback.begin(Vec::new()).await;
    assert_eq!(statuses(&feedback, vec![score("k1", 7.0)]).await, [(Status::Accepted, String::new())]);
}
