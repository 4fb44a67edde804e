use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    conversation::{FunctionCall, ToolCall},
    dataset,
    example::Content,
};

fn redactor(salt: &str) -> Redactor {
    Redactor::new(&Redact::ALL, &[], salt).expect("valid")
}

/// Compiled once: the patterns are large.
static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| redactor("s"));

fn redacted(text: &str) -> String {
    REDACTOR.text(text, &mut Counts::new()).unwrap_or_else(|| text.to_owned())
}

/// The kinds found in a text, in order.
fn kinds(text: &str) -> Vec<String> {
    let pseudonym = Regex::new("<([a-z_]+)_[0-9a-f]{8}>").expect("valid");
    pseudonym.captures_iter(&redacted(text)).map(|found| found[1].to_owned()).collect()
}

/// Random-looking letters and digits; keys are put together here so that none stands in the repository.
fn letters(n: usize) -> String {
    "a1B2c3D4e5F6g7H8i9J0".chars().cycle().take(n).collect()
}

fn hex(n: usize) -> String {
    "0a1b2c3d4e5f6789".chars().cycle().take(n).collect()
}

#[test]
fn keys_of_vendors_are_found() {
    for key in [
        format!("sk-proj-{}", letters(48)),
        format!("sk-ant-api03-{}", letters(90)),
        format!("AKIA{}", "Q3EGRIZX5T7AAAA2"),
        format!("AIza{}", letters(35)),
        format!("ghp_{}", letters(36)),
        format!("github_pat_{}", letters(60)),
        format!("glpat-{}", letters(20)),
        format!("hf_{}", "abcdefghijklmnopqrstuvwxyzABCDEFGH"),
        format!("xoxb-{}", "123456789012-123456789012-abcdef"),
        format!("sk_live_{}", letters(24)),
        format!("npm_{}", letters(36)),
        format!("dop_v1_{}", hex(64)),
        format!("SG.{}.{}", letters(22), letters(43)),
        format!("lsv2_pt_{}_{}", hex(32), hex(10)),
    ] {
        assert_eq!(kinds(&format!("export KEY={key}; run")), ["api_key"], "{key}");
        assert!(!redacted(&key).contains(&key[8..]), "{key}");
    }
}

#[test]
fn words_that_look_like_keys_are_not() {
    for text in [
        "set OPENAI_API_KEY to sk-your-api-key-goes-here-please",
        "task-management-of-the-whole-organisation",
        "risk-adjusted-returns-over-the-long-term-2",
        "the AKIAxxxxxxxxxxxxxxxx placeholder",
        "the hf_hub_download function of huggingface_hub",
    ] {
        assert_eq!(kinds(text), [""; 0], "{text}");
    }
}

#[test]
fn private_keys_tokens_and_passwords_are_found() {
    let pem =
        format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n{}\n-----END RSA PRIVATE KEY-----", letters(64), letters(20));
    assert_eq!(kinds(&pem), ["private_key"]);
    // As it stands inside JSON.
    assert_eq!(kinds(&json!({"key": pem}).to_string()), ["private_key"]);
    assert_eq!(kinds(&format!("eyJ{}.eyJ{}.{}", letters(20), letters(40), letters(30))), ["jwt"]);
    assert_eq!(kinds(&format!("Authorization: Bearer {}", letters(30))), ["token"]);
    let url = redacted("postgres://app:hunter2!x@db.example.com:5432/shop");
    assert!(url.starts_with("postgres://app:<password_") && url.ends_with(">@db.example.com:5432/shop"), "{url}");
    assert_eq!(kinds("socks5://user:<password>@host and https://$USER:$PASSWORD@host"), [""; 0]);
    assert_eq!(kinds(&format!("AccountKey={}==;", letters(86))), ["api_key"]);
}

#[test]
fn emails_are_found_and_spelling_does_not_make_two_of_one() {
    let text = redacted("From Mara.Lind+x@Example.co.uk to mara.lind+x@example.co.uk, not @mara or a@b.");
    let parts: Vec<&str> = text.split(' ').collect();
    assert_eq!(parts[1], &parts[3][..parts[3].len() - 1]);
    assert!(parts[1].starts_with("<email_"), "{text}");
    assert!(text.ends_with("not @mara or a@b."), "{text}");
}

#[test]
fn phone_numbers_are_found_only_where_they_say_that_they_are() {
    for text in ["+44 20 7946 0958", "+1 (555) 234-5678", "(555) 234-5678", "555-234-5678", "+491701234567."] {
        assert_eq!(kinds(text), ["phone"], "{text}");
    }
    for text in [
        "20260830112233",
        "1800000000000000000",
        "2026-11-28 10:15:30",
        "10.1000/182-2345-6789",
        "12 + 34 567",
        "0x5552345678",
        "v555.234.5678.9",
        "span-555-234-5678-x",
        "isbn 978-3-16-148410-0",
        "+1.5e10",
        "+35236450.6",
        "clause 252.227-7013 of the law",
        "a+123456789",
        "+0000 UTC",
        "1,555-234-5678",
    ] {
        assert_eq!(kinds(text), [""; 0], "{text}");
    }
    assert_eq!(redacted("555-234-5678"), redacted("+1 (555) 234-5678"));
}

#[test]
fn cards_need_a_network_a_length_and_their_check_digit() {
    for text in ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005", "6011000990139424"] {
        assert_eq!(kinds(text), ["card"], "{text}");
    }
    for text in [
        "4111 1111 1111 1112",
        "1234567812345670",
        "4111 1111-1111 1111",
        "0.4111111111111111",
        "94111111111111111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    ] {
        assert_eq!(kinds(text), [""; 0], "{text}");
    }
}

#[test]
fn addresses_are_found_and_versions_are_not() {
    assert_eq!(kinds("from 203.0.113.7:443 and 2001:db8::8a2e:370:7334."), ["ip", "ip"]);
    assert_eq!(
        kinds("127.0.0.1 0.0.0.0 ::1 v1.2.3.4 lib==1.2.3.4 1.2.3.4.5 12:30:15 300.1.1.1 std::io 0.5.1.2 1.2.13.1-beta"),
        [""; 0]
    );
    assert_eq!(kinds("01:02:59:D9:C3:D2:0D:08:F7:82:4E:44"), [""; 0]);
}

#[test]
fn the_salt_decides_the_pseudonym() {
    let one = redactor("a").text("x@y.io", &mut Counts::new());
    assert_eq!(one, redactor("a").text("x@y.io", &mut Counts::new()));
    assert_ne!(one, redactor("b").text("x@y.io", &mut Counts::new()));
}

#[test]
fn patterns_of_the_user_come_first() {
    let pattern: Pattern = "ticket=[A-Z]{2,5}-[0-9]+@[a-z.]+".parse().expect("valid");
    let redactor = Redactor::new(&[Redact::Emails], &[pattern], "").expect("valid");
    let mut counts = Counts::new();
    let text = redactor.text("see AB-12@x.io and a@x.io", &mut counts).expect("redacted");
    assert!(text.starts_with("see <ticket_"), "{text}");
    assert_eq!(counts, [("email".to_owned(), 1), ("ticket".to_owned(), 1)].into());
}

#[test]
fn unfit_patterns_are_refused() {
    let refused = |text: &str| text.parse::<Pattern>().expect_err("refused").to_string();
    assert_eq!(refused("abc"), "redact-pattern: `abc` is not NAME=REGEX");
    assert!(refused("a b=x").contains("other than lower-case letters"));
    assert!(refused("a=[").starts_with("redact-pattern: a: "));
    assert_eq!(refused("a=x*"), "redact-pattern: a matches the empty text");
    assert!("bank".parse::<Redact>().expect_err("refused").to_string().contains("secrets, emails"));
}

#[test]
fn every_text_of_a_row_is_rewritten_and_counted() {
    let arguments = json!({"to": ["a@x.io"], "A@x.io": {"card": 4_111_111_111_111_111_u64}, "a@x.io": 7});
    let call = ToolCall {
        id: Some("call_1".into()),
        r#type: "function",
        function: FunctionCall { name: "mail".into(), arguments: arguments.as_object().expect("object").clone() },
    };
    let asked = ChatMessage {
        tool_calls: vec![call],
        reasoning_content: Some("tell a@x.io".into()),
        ..ChatMessage::text("assistant", "Mailing a@x.io")
    };
    let messages = vec![ChatMessage::text("user", "mail a@x.io"), asked];
    let tools = vec![json!({"type": "function", "function": {"name": "mail", "description": "as root@x.io"}})];
    let mut provenance = Provenance { session_id: "s-a@x.io".into(), ..Provenance::default() };
    provenance.reviewers.insert("A@X.io".into());
    let mut example = Example::new(Content::Messages(messages), tools, provenance).with("reviewer", "a@x.io");
    let mut redactor = redactor("");
    redactor.pass(&dataset::TRAJECTORY, &mut example).expect("stays");

    let written = serde_json::to_string(&[&example.content_json(), &example.facts]).expect("JSON");
    let same = redactor.text("a@x.io", &mut Counts::new()).expect("redacted");
    assert!(!written.contains("@x.io") && !written.contains("4111"), "{written}");
    assert_eq!(example.prompt()[0].content, format!("mail {same}"));
    assert_eq!(example.facts["reviewer"], json!(same));
    assert_eq!(example.provenance.reviewers.first(), Some(&same));
    let arguments = &example.prompt()[1].tool_calls[0].function.arguments;
    assert_eq!(arguments.len(), 3, "no field is lost: {arguments:?}");
    assert_eq!(example.provenance.redactions, [("card".to_owned(), 1), ("email".to_owned(), 8)].into());
    redactor.see(&dataset::TRAJECTORY, 0, &example);
    let report = redactor.report(&dataset::TRAJECTORY, &[Entry::new(0, 1, (0, 0, 1))]);
    assert_eq!(report, Some(("redacted", json!({"card": 1, "email": 8}))));
}

/// Guarantees: ids can still be looked up, and a session whose id is redacted stays on its side of a split.
#[test]
fn ids_stay_and_the_session_is_remembered() {
    let pattern: Pattern = "hex=[0-9a-f]{8}".parse().expect("valid");
    let mut redactor = Redactor::new(&[Redact::Emails], &[pattern], "salt").expect("valid");
    let provenance = Provenance { session_id: "mara@x.io-1".into(), ..Provenance::default() };
    let content = Content::Prompt(vec![ChatMessage::text("user", "hi")]);
    let mut example =
        Example::new(content, Vec::new(), provenance).with("attempt_id", hex(32)).with("session_id", "mara@x.io-1");
    redactor.pass(&dataset::PROMPTS, &mut example).expect("stays");
    assert_eq!(example.facts["attempt_id"], json!(hex(32)));
    assert_eq!(example.facts["session_id"], json!(example.provenance.session_id));
    assert_eq!(example.provenance.original_session_id.as_deref(), Some("mara@x.io-1"));
    assert!(!example.provenance.to_json().contains("mara"));
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}@[a-z]{1,8}\\.(com|io)",
        Just("+44 20 7946 0958".to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        "[ \\n\\t\"\\\\a-zA-Z0-9.:@/-]{0,12}",
        any::<String>(),
    ]
}

proptest! {
    /// JSON inside a text is still JSON of the same shape, and means the same as redacting its values.
    #[test]
    fn json_inside_a_text_stays_json(values in prop::collection::vec(value(), 1..6)) {
        let text = json!(values.join("\n")).to_string();
        let after: Result<Value, _> = serde_json::from_str(&redacted(&text));
        prop_assert!(after.is_ok(), "{} became {}", text, redacted(&text));
    }

    /// Redacting twice is redacting once.
    #[test]
    fn pseudonyms_are_not_redacted(values in prop::collection::vec(value(), 1..6)) {
        let once = redacted(&values.join(" "));
        prop_assert_eq!(redacted(&once), once);
    }

    /// No address is left over, whatever stands around it.
    #[test]
    fn an_address_is_found_anywhere(before in "[ ,;:(\\n\"'<]{0,3}", after in "[ ,;:)\\n\"'>]{0,3}", name in "[a-z]{1,9}") {
        let text = format!("{before}{name}@example.org{after}");
        prop_assert!(!redacted(&text).contains("@example.org"), "{}", redacted(&text));
    }
}
