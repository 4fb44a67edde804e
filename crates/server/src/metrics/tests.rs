use super::*;

/// Guarantees: counters begin at zero, carry the Collector's names and labels, and count.
#[test]
fn numbers_have_the_collectors_names() {
    let metrics = Metrics::new();
    let zero = metrics.render(Readings::default());
    for line in [
        "otelcol_receiver_accepted_spans_total{receiver=\"otlp\",transport=\"grpc\"} 0",
        "otelcol_receiver_refused_log_records_total{receiver=\"otlp\",transport=\"http\"} 0",
        "gleaner_refused_requests_total{transport=\"http\",reason=\"out_of_space\"} 0",
    ] {
        assert!(zero.lines().any(|found| found == line), "{line} is not in\n{zero}");
    }
    metrics.accepted(Transport::grpc, Signal::Traces, 7, 2);
    metrics.pushed_back(Transport::http, Signal::Logs, 3);
    metrics.refused(Transport::http, ErrorCode::OutOfSpace);
    metrics.journal_committed_in(Duration::from_millis(3));
    metrics.store_committed_in(Duration::from_millis(4));
    metrics.store_checkpointed_in(Duration::from_millis(1500));
    let text = metrics.render(Readings { journal_head: 9, journal_lag: 4, loading: true, ..Readings::default() });
    for line in [
        "otelcol_receiver_accepted_spans_total{receiver=\"otlp\",transport=\"grpc\"} 7",
        "gleaner_receiver_rejected_spans_total{receiver=\"otlp\",transport=\"grpc\"} 2",
        "otelcol_receiver_refused_log_records_total{receiver=\"otlp\",transport=\"http\"} 3",
        "gleaner_refused_requests_total{transport=\"http\",reason=\"out_of_space\"} 1",
        "gleaner_journal_commit_duration_seconds_count 1",
        "gleaner_store_commit_duration_seconds_sum 0.004",
        "gleaner_store_checkpoint_duration_seconds_sum 1.5",
        "gleaner_store_checkpoint_duration_seconds_count 1",
        "gleaner_journal_records_total 9",
        "gleaner_journal_lag_records 4",
        "gleaner_loading 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_millis(50) {
        std::hint::spin_loop();
    }
    let cpu = metrics.render(Readings::default());
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("otelcol_process_cpu_seconds_total "));
    assert!(cpu.is_some_and(|value| value.parse::<f64>().is_ok_and(|seconds| seconds > 0.0)), "{cpu:?}");
    assert!(text.ends_with("# EOF\n"));
}
