use super::*;

#[test]
fn a_project_is_a_plain_name_or_the_default() {
    assert_eq!(project_of(None).expect("default"), "default");
    assert_eq!(project_of(Some(b"")).expect("default"), "default");
    assert_eq!(project_of(Some(b"team-a/support.v2")).expect("a name"), "team-a/support.v2");
    for bad in [&b"a b"[..], b"a\n", b"\xff", &[b'x'; 129]] {
        assert_eq!(project_of(Some(bad)).expect_err("refused").code, ErrorCode::Invalid);
    }
}

/// Guarantees: a request with nothing to keep is a success that writes nothing (OTLP: empty requests succeed).
#[tokio::test]
async fn an_empty_request_succeeds_and_is_not_journalled() {
    let dir = tempfile::tempdir().expect("a directory");
    let (journal, _) = Journal::open(dir.path(), gleaner_journal::Config::default()).expect("opens");
    let ingest = Ingest::new(journal.clone(), Limits::default(), 1 << 20, Duration::from_secs(5));
    let accepted =
        ingest.accept(Signal::Traces, Encoding::Protobuf, "default".into(), Bytes::new()).await.expect("accepted");
    assert_eq!(accepted, Accepted { rejected: 0, message: String::new() });
    assert_eq!(journal.head(), 0);
}

/// Guarantees: over the budget of bytes in flight the answer is BUSY, which clients retry.
#[tokio::test]
async fn over_the_byte_budget_the_answer_is_busy() {
    let dir = tempfile::tempdir().expect("a directory");
    let (journal, _) = Journal::open(dir.path(), gleaner_journal::Config::default()).expect("opens");
    let ingest = Ingest::new(journal, Limits::default(), 4 * 1024, Duration::from_secs(5));
    let refusal = ingest
        .accept(Signal::Traces, Encoding::Protobuf, "default".into(), Bytes::from(vec![0; 8 * 1024]))
        .await
        .expect_err("refused");
    assert_eq!(refusal.code, ErrorCode::Busy);
}
