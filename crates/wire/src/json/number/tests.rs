use proptest::prelude::*;

use super::{integer, length};

#[test]
fn integers_are_read_exactly() {
    for (text, value) in [
        ("0", 0),
        ("-0", 0),
        ("0.000e5", 0),
        ("7", 7),
        ("-7", -7),
        ("3.0", 3),
        ("100", 100),
        ("1e9", 1_000_000_000),
        ("1E+2", 100),
        ("1.50e1", 15),
        ("1500e-2", 15),
        ("0.5e1", 5),
        ("-12.5e1", -125),
        ("18446744073709551615", i128::from(u64::MAX)),
        ("-9223372036854775808", i128::from(i64::MIN)),
        ("9007199254740993", 9_007_199_254_740_993),
        ("1.8446744073709551615e19", i128::from(u64::MAX)),
    ] {
        assert_eq!(integer(text), Some(value), "{text}");
    }
}

#[test]
fn what_is_no_integer_is_refused() {
    for text in
        ["", "-", "1.5", "1e-1", "12e-1", "0.5", "+1", "01", "1.", ".5", "1e", "0x10", " 1", "1 ", "1_000", "NaN"]
    {
        assert_eq!(integer(text), None, "{text}");
    }
}

#[test]
fn huge_exponents_are_out_of_range_and_cost_nothing() {
    for text in ["1e400", "1e999999999999", "123456789012345678901234567890"] {
        assert_eq!(integer(text), Some(i128::MAX), "{text}");
    }
    assert_eq!(integer("-1e400"), Some(-i128::MAX));
    for text in
        ["1e-9223372036854775808", "0.001e-9223372036854775808", "1e9223372036854775807", "1e99999999999999999999"]
    {
        assert!(matches!(integer(text), None | Some(i128::MAX)), "{text}");
    }
}

proptest! {
    #[test]
    fn any_integer_is_read_back(value: i64, zeros in 0_usize..5) {
        let zeros = "0".repeat(zeros);
        let exponent = zeros.len();
        prop_assert_eq!(integer(&value.to_string()), Some(i128::from(value)));
        let text = format!("{value}{zeros}e-{exponent}");
        prop_assert_eq!(integer(&text), Some(i128::from(value)));
        let text = format!("{value}.{zeros}0");
        prop_assert_eq!(integer(&text), Some(i128::from(value)));
    }

    #[test]
    fn the_grammar_is_that_of_json(text in "[-+0-9.eE]{0,8}") {
        // Of the right form, be it out of range for a double or not.
        let is_number = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(length(text.as_bytes()) == Some(text.len()), is_number);
    }
}
