use prost::Message;
use prost_reflect::DescriptorPool;
use serde_json::json;

use super::{
    Evaluation, FEEDBACK_DESCRIPTOR, Item, ItemResult, Source, SubmitRequest, SubmitResponse, Target,
    decode_json_items, decode_protobuf, encode_json, evaluation, item, item_result,
};
use crate::{Limits, WireError};

fn decode(json: &str) -> Result<SubmitRequest, WireError> {
    let items = decode_json_items(json.as_bytes(), &Limits::default())?;
    Ok(SubmitRequest { items: items.into_iter().collect::<Result<_, _>>()? })
}

fn expected() -> SubmitRequest {
    let evaluation = Evaluation {
        target: Some(Target { trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(), ..Target::default() }),
        criterion: "accuracy".to_owned(),
        value: Some(evaluation::Value::Score(7.5)),
        ..Evaluation::default()
    };
    let item = Item {
        idempotency_key: "k1".to_owned(),
        source: Source::Human as i32,
        created_at: Some(prost_types::Timestamp { seconds: 1_767_225_600, nanos: 500_000_000 }),
        kind: Some(item::Kind::Evaluation(evaluation)),
        ..Item::default()
    };
    SubmitRequest { items: vec![item] }
}

#[test]
fn names_may_be_as_in_the_file_or_camel_case() {
    let camel = r#"{"items":[{"idempotencyKey":"k1","source":"SOURCE_HUMAN","createdAt":"2026-01-01T00:00:00.5Z",
        "evaluation":{"target":{"traceId":"0af7651916cd43dd8448eb211c80319c"},"criterion":"accuracy","score":7.5}}]}"#;
    let snake = r#"{"items":[{"idempotency_key":"k1","source":1,"created_at":"2026-01-01T01:00:00.5+01:00",
        "evaluation":{"target":{"trace_id":"0af7651916cd43dd8448eb211c80319c"},"criterion":"accuracy","score":"7.5",
        "comment":null}}]}"#;
    assert_eq!(decode(camel).unwrap(), expected());
    assert_eq!(decode(snake).unwrap(), expected());
    assert_eq!(decode_protobuf(&expected().encode_to_vec(), &Limits::default()).unwrap(), expected());
}

#[test]
fn metadata_is_any_json() {
    let request = decode(r#"{"items":[{"session":{"session":"s","metadata":{"a":[1,null,{"b":"c"}]}}}]}"#).unwrap();
    let Some(item::Kind::Session(session)) = &request.items[0].kind else { panic!("{request:?}") };
    assert_eq!(session.metadata.as_ref().unwrap().fields.len(), 1);
}

#[test]
fn errors_name_the_field() {
    for (json, part) in [
        (r#"{"items":[{"evaluation":{"scroe":7}}]}"#, "scroe"),
        (r#"{"itmes":[]}"#, "itmes"),
        (r#"{"items":[{"source":"HUMAN"}]}"#, "HUMAN"),
        (r#"{"items":[{"source":"human"}]}"#, "known are SOURCE_HUMAN, SOURCE_MODEL, SOURCE_CODE"),
        (r#"{"items":[{"evaluation":{"score":7,"label":"x"}}]}"#, "value"),
        (r#"{"items":[]} x"#, "after the end"),
        ("", "expected a value, found the end"),
        ("[]", "invalid type"),
    ] {
        let error = decode(json).unwrap_err();
        assert!(matches!(error, WireError::Malformed { .. }), "{json}: {error}");
        assert!(error.to_string().contains(part), "{json}: {error}");
    }
}

#[test]
fn a_bad_item_is_told_in_its_place_and_costs_no_other() {
    let json =
        br#"{"items":[{"evaluation":{"score":7}}, {"evaluation":{"score":"eight"}}, null, {"insight":{"text":"t"}}]}"#;
    let items = decode_json_items(json, &Limits::default()).unwrap();
    assert_eq!(items.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
}

#[test]
fn limits_hold_before_anything_is_built() {
    let too_many = WireError::TooMany { what: "feedback values", limit: 200_000 };
    let json = format!(r#"{{"items":[{}{{}}]}}"#, "{},".repeat(1_000_000));
    assert_eq!(decode(&json), Err(too_many.clone()));
    assert_eq!(decode_protobuf(&[0x0a, 0x00].repeat(1_000_000), &Limits::default()), Err(too_many.clone()));
    // A million empty targets in one ranking: items { comparison { ranking { groups { targets {} … } } } }.
    let mut nested = [0x0a, 0x00].repeat(1_000_000);
    for tag in [1, 5, 11, 1_u8] {
        let mut outer = vec![tag << 3 | 2];
        prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.append(&mut nested);
        nested = outer;
    }
    assert_eq!(decode_protobuf(&nested, &Limits::default()), Err(too_many));

    let small = Limits { max_request_bytes: 1, ..Limits::default() };
    assert!(decode_json_items(b"{}", &small).unwrap_err().is_too_large());
    assert!(decode_protobuf(b"\x0a\x00", &small).unwrap_err().is_too_large());
}

#[test]
fn depth_is_refused_and_never_overflows() {
    let nested = |levels: usize| {
        let list = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"items":[{{"session":{{"metadata":{{"a":{list}}}}}}}]}}"#)
    };
    decode(&nested(20)).unwrap();
    for levels in [60, 1000, 1_000_000] {
        assert!(decode(&nested(levels)).is_err(), "{levels}");
    }
    assert!(matches!(decode(&nested(1000)), Err(WireError::TooDeep { .. })));
}

#[test]
fn answers_have_the_names_of_the_file() {
    let accepted =
        ItemResult { status: item_result::Status::Accepted as i32, item_id: "i1".to_owned(), ..ItemResult::default() };
    let refused = ItemResult {
        status: item_result::Status::Refused as i32,
        message: "score is 11, expected 1 to 10".to_owned(),
        field: "score".to_owned(),
        ..ItemResult::default()
    };
    let text = encode_json(&SubmitResponse { results: vec![accepted, refused] }).unwrap();
    let expected = json!({ "results": [
        { "status": "ACCEPTED", "item_id": "i1" },
        { "status": "REFUSED", "message": "score is 11, expected 1 to 10", "field": "score" },
    ] });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
    assert_eq!(encode_json(&SubmitResponse::default()).unwrap(), "{}");
}

#[test]
fn the_descriptor_is_whole() {
    let pool = DescriptorPool::decode(FEEDBACK_DESCRIPTOR).unwrap();
    let service = pool.get_service_by_name("gleaner.feedback.v1.FeedbackService").unwrap();
    assert_eq!(
        service.methods().map(|method| method.name().to_owned()).collect::<Vec<_>>(),
        ["Submit", "SubmitStream"]
    );
    assert!(pool.get_message_by_name("google.protobuf.Struct").is_some());
}

#[test]
fn a_malformed_item_names_the_field_as_the_file_does() {
    for (json, field) in [
        (r#"{"evaluation":{"score":"high"}}"#, "score"),
        (r#"{"evaluation":{"target":{"cycle":-1}}}"#, "target.cycle"),
        (r#"{"directive":{"kind":"ONESHOT"}}"#, "kind"),
        (r#"{"createdAt":"yesterday"}"#, "created_at"),
        (
            r#"{"comparison":{"ranking":{"groups":[{"targets":[{"attemptNumber":1.5}]}]}}}"#,
            "ranking.groups[0].targets[0].attempt_number",
        ),
        (r#"{"evaluation":{"target":{"linage":"A"}}}"#, "target"),
        (r#"{"evaluation":{"score":7,"label":"x"}}"#, "evaluation"),
        (r#"{"evaluation":5}"#, "evaluation"),
        (r#"{"evaluatoin":{}}"#, ""),
        ("5", ""),
    ] {
        let error = super::decode_json_item(json).unwrap_err();
        assert_eq!(error.field(), field, "{json}: {error}");
    }
}
