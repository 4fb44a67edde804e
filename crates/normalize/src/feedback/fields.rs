//! Checks of single fields: text, keys, numbers, counts. Empty text is text that was not sent.

use crate::feedback::{FeedbackLimits, Rejection, SCORE_RANGE};

/// The limits, applied field by field.
pub(super) struct Fields<'l> {
    pub(super) limits: &'l FeedbackLimits,
}

impl Fields<'_> {
    /// Free text.
    pub(super) fn text(&self, field: &str, sent: String) -> Result<Option<String>, Rejection> {
        bounded(field, sent, self.limits.max_text_bytes)
    }

    /// Free text that must be there.
    pub(super) fn required_text(&self, field: &str, sent: String) -> Result<String, Rejection> {
        self.text(field, sent)?.ok_or_else(|| Rejection::new(field, "must be set"))
    }

    /// A key, id, name or label.
    pub(super) fn key(&self, field: &str, sent: String) -> Result<Option<String>, Rejection> {
        bounded(field, sent, self.limits.max_key_bytes)
    }

    /// A key that must be there.
    pub(super) fn required_key(&self, field: &str, sent: String) -> Result<String, Rejection> {
        self.key(field, sent)?.ok_or_else(|| Rejection::new(field, "must be set"))
    }

    /// Exactly so many hex digits in either case, given back in lower case.
    pub(super) fn hex(&self, field: &str, sent: String, digits: usize) -> Result<Option<String>, Rejection> {
        if sent.is_empty() {
            return Ok(None);
        }
        if sent.len() != digits || !sent.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Rejection::new(field, format!("must be {digits} hex digits")));
        }
        Ok(Some(sent.to_ascii_lowercase()))
    }

    pub(super) fn finite(&self, field: &str, number: f64) -> Result<f64, Rejection> {
        if number.is_finite() {
            Ok(number)
        } else {
            Err(Rejection::new(field, format!("must be finite, not {number}")))
        }
    }

    pub(super) fn score(&self, field: &str, score: f64) -> Result<f64, Rejection> {
        if SCORE_RANGE.contains(&score) {
            Ok(score)
        } else {
            let (lowest, highest) = (SCORE_RANGE.start(), SCORE_RANGE.end());
            Err(Rejection::new(field, format!("must be from {lowest} to {highest}, not {score}")))
        }
    }

    pub(super) fn entries(&self, field: &str, count: usize) -> Result<(), Rejection> {
        let limit = self.limits.max_entries;
        if count > limit {
            return Err(Rejection::new(field, format!("at most {limit} entries, not {count}")));
        }
        Ok(())
    }
}

fn bounded(field: &str, sent: String, max_bytes: usize) -> Result<Option<String>, Rejection> {
    if sent.len() > max_bytes {
        return Err(Rejection::new(field, format!("at most {max_bytes} bytes, not {}", sent.len())));
    }
    Ok((!sent.is_empty()).then_some(sent))
}
