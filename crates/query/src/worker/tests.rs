use super::*;

/// Guarantees: a request is the same on the other side, whatever its values.
#[test]
fn requests_are_carried_over() {
    let values = vec![
        Param::Null,
        Param::Bool(true),
        Param::Int(i64::MIN),
        Param::UInt(u64::MAX),
        Param::Double(f64::NEG_INFINITY),
        Param::Text("ü\n".into()),
        Param::Blob(vec![0, 255]),
        Param::Timestamp(-1),
        Param::Date(7),
    ];
    let named = Params::Named(values.iter().enumerate().map(|(n, v)| (format!("p{n}"), v.clone())).collect());
    for params in [Params::Positional(values), named, Params::default()] {
        let request = Request {
            folder: "/a b".into(),
            sql: "SELECT ?".into(),
            params,
            limits: QueryLimits { max_rows: u64::MAX, max_result_bytes: u64::MAX, ..QueryLimits::default() },
            memory_bytes: 1 << 30,
            wants_json_columns: true,
        };
        let carried: Value = serde_json::from_str(&request.to_json().to_string()).unwrap();
        assert_eq!(Request::from_json(&carried), Some(request));
    }
    assert_eq!(Request::from_json(&json!({"sql": "SELECT 1"})), None);
}

/// Guarantees: errors say the same on the other side, and none of them names a file.
#[test]
fn errors_are_carried_over() {
    for error in [
        QueryError::OutOfMemory,
        QueryError::Deadline { deadline_ms: 5 },
        QueryError::NeedsTimeZones,
        QueryError::Failed { message: "Binder Error: \"x\"".into() },
    ] {
        let carried = error_of(&error_to_json(&error).to_string()).unwrap();
        assert_eq!(carried.to_string(), error.to_string());
    }
    let source = gleaner_store::StoreError::Invalidated { message: "/srv/secret".to_owned() };
    assert!(!error_to_json(&QueryError::Store(source)).to_string().contains("secret"));
}
