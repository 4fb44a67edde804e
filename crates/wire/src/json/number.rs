//! JSON's numbers as text: how far one reaches, and its exact value as an integer. No floating point, so that 64-bit
//! integers stay whole.

/// Most digits of a 64-bit integer; more are out of range for every field.
const MAX_DIGITS: usize = 20;

/// Bytes of the number at the front of `bytes`, by the grammar of JSON; `None` when there is none.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let digits_from = |at: usize| bytes.get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits_from(at);
    if whole == 0 || (whole > 1 && bytes[at] == b'0') {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits_from(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits_from(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

/// The value, when the text is one JSON number and an integer: `7`, `-7`, `1e9`, `1.50e1`, `3.0`. Values far beyond
/// 64 bits come out as [`i128::MAX`] or its negative, which no field takes.
pub(super) fn integer(text: &str) -> Option<i128> {
    if length(text.as_bytes()) != Some(text.len()) {
        return None;
    }
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // Digits left of the decimal point, counted from the first significant one.
    let leading_zeros = digits.len() - digits.trim_start_matches('0').len();
    let shift = i64::try_from(whole.len()).ok()? - i64::try_from(leading_zeros).ok()?;
    let point = usize::try_from(exponent.parse::<i64>().ok()?.checked_add(shift)?).ok()?;
    if significant.len() > point {
        return None;
    }
    let magnitude =
        if point > MAX_DIGITS { i128::MAX } else { format!("{significant:0<point$}").parse::<i128>().ok()? };
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests;
