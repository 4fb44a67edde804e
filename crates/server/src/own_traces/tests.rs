use super::*;

fn config(endpoint: &str) -> config::OwnTraces {
    config::OwnTraces { endpoint: endpoint.to_owned(), sampling_ratio: 1.0, max_queue_spans: 2, ..Default::default() }
}

/// Guarantees: whatever name one of the server's own listeners goes by, it is refused; another port, and another machine's, is not.
#[test]
fn an_endpoint_that_is_the_server_itself_is_refused() {
    let listeners: Vec<SocketAddr> =
        ["127.0.0.1:4317", "0.0.0.0:4318", "[::1]:4319"].map(|a| a.parse().expect("an address")).into();
    let refused = |endpoint: &str| refuse_own_listeners(endpoint, &listeners).err().map(|error| error.to_string());
    for own in [
        "http://127.0.0.1:4317",
        "http://localhost:4317/",
        "http://127.0.0.1:4318",
        "http://0.0.0.0:4317",
        "http://[::1]:4319",
        "http://127.8.8.8:4318",
    ] {
        assert!(refused(own).is_some_and(|error| error.contains("this server itself")), "{own}");
    }
    for other in ["http://127.0.0.1:14317", "http://192.0.2.1:4318", "http://192.0.2.1:4317", "http://127.0.0.2:4317"] {
        assert_eq!(refused(other), None, "{other}");
    }
    for bad in ["127.0.0.1:14317", "https://127.0.0.1:14317", "http://", "grpc://x:1"] {
        assert!(refused(bad).is_some_and(|error| error.contains("own_traces.endpoint")), "{bad}");
    }
}

/// Scenario: more spans end than the queue takes, and nobody sends.
/// Guarantees: nothing waits; what does not fit is dropped and counted; what is off records nothing.
#[test]
fn a_full_queue_drops_and_counts() {
    let metrics = Metrics::new();
    let (traces, exporting) = OwnTraces::new(&config("http://127.0.0.1:1"), &[], metrics.clone()).expect("usable");
    for _ in 0..5 {
        let mut span = traces.begin("receive", SpanKind::Server);
        span.set("gleaner.bytes", 7u64);
    }
    let text = metrics.render(crate::metrics::Readings::default());
    assert!(text.contains("gleaner_own_spans_total{outcome=\"dropped\"} 3\n"), "{text}");
    let mut queued = exporting.expect("it is on").queued;
    let span = queued.try_recv().expect("two are queued");
    assert_eq!((span.name.as_ref(), span.attributes.len()), ("receive", 1));

    let (off, exporting) = OwnTraces::new(&config::OwnTraces::default(), &[], Metrics::new()).expect("usable");
    assert!(exporting.is_none() && off.0.is_none());
    assert!(off.begin("receive", SpanKind::Server).child("journal.append").0.is_none());
}

/// Guarantees: of many spans about the configured part is recorded, and a part of a span always goes with it.
#[test]
fn a_sample_is_taken_trace_by_trace() {
    let config = config::OwnTraces { sampling_ratio: 0.25, max_queue_spans: 100_000, ..config("http://127.0.0.1:1") };
    let (traces, exporting) = OwnTraces::new(&config, &[], Metrics::new()).expect("usable");
    for _ in 0..2_000 {
        traces.begin("receive", SpanKind::Server).past_child(
            "journal.append",
            SystemTime::now(),
            Duration::from_millis(1),
        );
    }
    let mut queued = exporting.expect("it is on").queued;
    let (mut parents, mut children) = (0, 0);
    while let Ok(span) = queued.try_recv() {
        if span.name == "receive" {
            parents += 1;
        } else {
            children += 1;
        }
    }
    assert_eq!(parents, children);
    assert!((350..650).contains(&parents), "{parents} of 2000");
}
