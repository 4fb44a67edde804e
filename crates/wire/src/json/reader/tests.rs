use proptest::prelude::*;
use serde_json::Value as Json;

use super::Reader;
use crate::WireError;

/// Reads one string and nothing else.
fn text(json: &str) -> Result<String, WireError> {
    let mut reader = Reader::new(json.as_bytes(), 10)?;
    let text = reader.text()?;
    reader.finish()?;
    Ok(text)
}

fn skip(bytes: &[u8], max_depth: u32) -> Result<usize, WireError> {
    let mut values = 0;
    let mut reader = Reader::new(bytes, max_depth)?;
    reader.skip(&mut || {
        values += 1;
        Ok(())
    })?;
    reader.finish()?;
    Ok(values)
}

#[test]
fn strings_are_unescaped() {
    for (json, expected) in [
        (r#""""#, ""),
        (r#""plain é 𐀀""#, "plain é 𐀀"),
        (r#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{c}\n\r\tz"),
        (r#""\u0041\u00e9\u0000""#, "Aé\0"),
        (r#""\ud83d\ude00!""#, "😀!"),
        // Halves of surrogate pairs.
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""\ude00""#, "\u{fffd}"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
        (r#""cut \uD83D""#, "cut \u{fffd}"),
    ] {
        assert_eq!(text(json).unwrap(), expected, "{json}");
    }
}

#[test]
fn broken_strings_are_refused() {
    for json in [
        r#"""#,
        r#""a"#,
        r#""\"#,
        r#""\x""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\u+123""#,
        r#""\ud83d\u""#,
        "\"\n\"",
        r#""\u00é0""#,
        "'a'",
        "a",
        "1",
        "null",
        "",
    ] {
        assert!(matches!(text(json), Err(WireError::Malformed { .. })), "{json}");
    }
}

#[test]
fn structure_is_strict() {
    for json in [
        "",
        " ",
        "{",
        "[",
        "{]",
        "[}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{,}",
        "nul",
        "truefalse",
        "1 1",
        "[] []",
        "{} x",
        "// c\n1",
        "\u{feff}\u{feff}1",
        "[1]\0",
    ] {
        assert!(matches!(skip(json.as_bytes(), 10), Err(WireError::Malformed { .. })), "{json}");
    }
    assert!(skip(b"[\"\xff\"]", 10).unwrap_err().to_string().contains("not valid UTF-8 at byte 2"));
}

#[test]
fn a_byte_order_mark_and_white_space_are_skipped() {
    assert_eq!(skip("\u{feff} \t\r\n[ 1 , { \"a\" : null } ]\n ".as_bytes(), 10).unwrap(), 3);
}

#[test]
fn depth_has_a_limit_of_our_own() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    skip(nested(200).as_bytes(), 200).unwrap();
    let too_deep = WireError::TooDeep { what: "JSON objects and arrays", limit: 200 };
    assert_eq!(skip(nested(201).as_bytes(), 200), Err(too_deep.clone()));
    assert_eq!(skip("{\"a\":".repeat(1_000_000).as_bytes(), 200), Err(too_deep));
    // Side by side is not deep.
    assert_eq!(skip(format!("[{}[]]", "[],".repeat(1000)).as_bytes(), 2).unwrap(), 1002);
}

#[test]
fn errors_name_the_path_and_not_the_payload() {
    let mut reader = Reader::new(br#"{"list":[{},{"secret key":{"flag":"secret"}}]}"#, 10).unwrap();
    let error = reader.object(|r, _| r.array(|r| r.object(|r, _| r.object(|r, _| r.boolean().map(drop))))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "malformed request at list[1].secret key.flag: expected true or false, found a string (byte 34)"
    );
}

#[test]
fn base64_comes_in_four_forms() {
    for json in [r#""+/8=""#, r#""+/8""#, r#""-_8=""#, r#""-_8""#] {
        assert_eq!(Reader::new(json.as_bytes(), 1).unwrap().base64().unwrap(), [0xfb, 0xff], "{json}");
    }
    for json in [r#""+""#, r#""*""#, r#""+/8=x""#, "7"] {
        assert!(Reader::new(json.as_bytes(), 1).unwrap().base64().is_err(), "{json}");
    }
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,6}".prop_map(Json::from),
        "[\u{0}-\u{ff}]{0,6}".prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec(("[a-z\"\\\\é]{0,3}", inner), 0..4).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn strings_agree_with_serde_json(expected in ".*") {
        prop_assert_eq!(text(&Json::from(expected.as_str()).to_string()).unwrap(), expected);
    }

    /// What `serde_json` takes, we take; what only we take is a lone surrogate or a number that no double holds.
    #[test]
    fn damaged_texts_agree_with_serde_json(
        value in json(), at in 0.0..1.0_f64, with in "[\\[\\]{}\",:\\\\u0-9eE.+\\- ntf]{0,2}", removed in 0_usize..2,
    ) {
        let mut chars: Vec<char> = value.to_string().chars().collect();
        let start = (chars.len() as f64 * at) as usize;
        chars.splice(start..(start + removed).min(chars.len()), with.chars());
        let damaged: String = chars.into_iter().collect();
        match (skip(damaged.as_bytes(), 1000), serde_json::from_str::<Json>(&damaged)) {
            (Ok(_), Err(error)) => {
                let reason = error.to_string();
                let known = ["out of range", "surrogate", "hex escape"].iter().any(|known| reason.contains(known));
                prop_assert!(known, "{} {}", damaged, reason);
            }
            (Err(error), Ok(_)) => prop_assert!(false, "{damaged}: {error}"),
            _ => {}
        }
    }
}
