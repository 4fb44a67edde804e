use bytes::Bytes;

use super::*;

fn ingest(dir: &std::path::Path, journal: gleaner_journal::Config) -> Ingest {
    let (journal, _) = Journal::open(dir, journal).expect("opens");
    let in_flight = InFlight { max_bytes: 4096, max_bytes_per_connection: 2048, timeout: Duration::from_secs(5) };
    Ingest::new(journal, Limits::default(), in_flight, Metrics::new(), OwnTraces::default())
}

fn arrived(ingest: &Ingest, body: Bytes) -> Arrived {
    let held = ingest.admit(None).expect("room");
    let (transport, signal, encoding) = (Transport::grpc, Signal::Traces, Encoding::Protobuf);
    Arrived { transport, signal, encoding, project: "default".into(), received: Received { body, held } }
}

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
    let ingest = ingest(dir.path(), gleaner_journal::Config::default());
    let accepted = ingest.accept(arrived(&ingest, Bytes::new())).await.expect("accepted");
    assert_eq!(accepted, Accepted { rejected: 0, message: String::new() });
    assert_eq!(ingest.journal.head(), 0);
}

/// Guarantees: the room of a request is held until its record is written, and no longer.
#[tokio::test]
async fn room_is_given_back_when_the_record_is_on_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    let ingest = ingest(dir.path(), gleaner_journal::Config::default());
    let mut held = ingest.admit(None).expect("room");
    held.grow(100).expect("room");
    assert_eq!(ingest.in_flight_bytes(), 100);
    let record = record(RecordKind::Traces, ENCODING_PROTOBUF, "default".into(), vec![0; 100]);
    let durable = append(&ingest.journal, record, held).expect("queued");
    assert_eq!(durable_in(durable, Duration::from_secs(5)).await.expect("on disk"), 1);
    assert_eq!(ingest.in_flight_bytes(), 0);
}

/// Guarantees: when the disk has less room than is kept back, a request is refused before its body is read.
#[tokio::test]
async fn without_room_on_disk_nothing_is_admitted() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = gleaner_journal::Config { min_free_disk_bytes: u64::MAX, ..gleaner_journal::Config::default() };
    let refusal = ingest(dir.path(), config).admit(None).expect_err("refused");
    assert_eq!(refusal.code, ErrorCode::OutOfSpace);
    assert!(refusal.message.contains("min_free_disk_bytes"), "{refusal}");
}
