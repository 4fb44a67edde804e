use super::*;

fn words(text: &str) -> Vec<u64> {
    let mut out = Vec::new();
    push_words(text, &mut out);
    out
}

#[test]
fn case_space_and_punctuation_do_not_count() {
    assert_eq!(words("What, THEN, is\n\tit?"), words("what then is it"));
    assert_ne!(words("what then"), words("then what"));
    assert_eq!(words("ÄPFEL"), words("äpfel"));
}

#[test]
fn scripts_without_spaces_have_words() {
    assert!(words("北京是中国的首都").len() >= 6);
    assert!(words("?!…").is_empty());
}

/// Guarantees: hashes do not change from version to version, or equal exports would differ.
#[test]
fn hashes_are_fixed() {
    assert_eq!(words("lantern"), [0x1256_35fe_53a7_9f05]);
    assert_eq!(mixed(1), 0x910a_2dec_8902_5cc1);
}
