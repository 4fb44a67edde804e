//! What the built-in detectors look for. Each is a pattern with a cheap beginning, and where the pattern alone would hit
//! what is harmless, a check in code: boundaries, check digits, known prefixes.
//!
//! Sources of the vendors' forms: their own documentation of key formats, and the rule sets of secret scanners
//! (gitleaks, GitHub's secret scanning).

use std::{borrow::Cow, net::IpAddr};

use regex::Regex;

use super::Redact;
use crate::ExportError;

/// Finds values of one kind.
#[derive(Debug)]
pub(super) struct Detector {
    /// Goes into the pseudonym.
    pub(super) kind: Cow<'static, str>,
    pub(super) regex: Regex,
    check: Check,
}

/// What a match must be besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    None,
    /// No letter, digit, `_` or `-` beside it: a part of a longer word is none.
    Alone,
    /// As `Alone`, and the value has both letters and digits, as random keys have and words do not.
    Random,
    /// The part after the last space or colon is the secret.
    LastWord,
    Email,
    Phone,
    Card,
    Ip,
}

const PRIVATE_KEY: &str = r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s\\:,.-]+?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----";
const JWT: &str = r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}";
/// `scheme://user:password@host`: the password.
const URL_PASSWORD: &str = r"[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,64}:[^\s/@]{3,128}@";
const BEARER: &str = r"(?i:authorization)[\x22']?\s*[:=]\s*[\x22']?(?i:bearer|basic|token)\s+[A-Za-z0-9+/_.~=-]{16,}";

/// Keys by the prefixes that vendors give them.
const API_KEYS: &[&str] = &[
    // OpenAI, Anthropic, OpenRouter, DeepSeek and others that took over `sk-`
    r"sk-(?:ant-|proj-|svcacct-|admin-|or-v1-|lf-)?[A-Za-z0-9_-]{20,}",
    r"pk-lf-[0-9a-f-]{36}",
    // Google, Google OAuth
    r"AIza[0-9A-Za-z_-]{35}",
    r"ya29\.[0-9A-Za-z_-]{20,}",
    r"GOCSPX-[0-9A-Za-z_-]{28}",
    // Amazon
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
    // GitHub, GitLab
    r"gh[pousr]_[0-9A-Za-z]{36,}",
    r"github_pat_[0-9A-Za-z_]{22,}",
    r"glpat-[0-9A-Za-z_-]{20,}",
    // Hugging Face, Groq, xAI, Replicate, Perplexity, NVIDIA, Tavily, LangSmith, Fireworks
    r"hf_[A-Za-z]{30,}",
    r"gsk_[0-9A-Za-z]{40,}",
    r"xai-[0-9A-Za-z]{40,}",
    r"r8_[0-9A-Za-z]{37}",
    r"pplx-[0-9A-Za-z]{40,}",
    r"nvapi-[0-9A-Za-z_-]{40,}",
    r"tvly-[0-9A-Za-z-]{20,}",
    r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",
    r"fw_[0-9A-Za-z]{22,}",
    // Slack, Discord webhooks, Telegram, Twilio, SendGrid, Mailchimp, Mailgun
    r"xox[abeoprs]-[0-9A-Za-z-]{10,}",
    r"xapp-[0-9]-[0-9A-Za-z-]{20,}",
    r"https://hooks\.slack\.com/services/[0-9A-Za-z/]{20,}",
    r"https://(?:canary\.|ptb\.)?discord(?:app)?\.com/api/webhooks/[0-9]{15,}/[0-9A-Za-z_-]{40,}",
    r"[0-9]{8,10}:AA[0-9A-Za-z_-]{33}",
    r"SK[0-9a-f]{32}",
    r"SG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}",
    r"[0-9a-f]{32}-us[0-9]{1,2}",
    // Stripe, Shopify, Square
    r"[rs]k_(?:live|test)_[0-9A-Za-z]{16,}",
    r"whsec_[0-9A-Za-z]{24,}",
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    r"sq0(?:atp|csp)-[0-9A-Za-z_-]{22,}",
    // npm, PyPI, RubyGems, crates.io, Docker
    r"npm_[0-9A-Za-z]{36}",
    r"pypi-AgE[0-9A-Za-z_-]{50,}",
    r"rubygems_[0-9a-f]{48}",
    r"cio[0-9A-Za-z]{32}",
    r"dckr_pat_[0-9A-Za-z_-]{20,}",
    // DigitalOcean, Databricks, Vault, Supabase, Linear, Notion, Postman, Sentry, Grafana, Cloudflare, Heroku, PlanetScale
    r"do[opr]_v1_[0-9a-f]{64}",
    r"dapi[0-9a-f]{32}",
    r"hv[sb]\.[0-9A-Za-z_-]{20,}",
    r"sb[ps]_[0-9a-f]{40}",
    r"lin_api_[0-9A-Za-z]{32,}",
    r"ntn_[0-9A-Za-z]{40,}",
    r"secret_[0-9A-Za-z]{43}",
    r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
    r"sntr[yu]s?_[0-9A-Za-z_+/=-]{40,}",
    r"gl(?:sa|c)_[0-9A-Za-z_+/=-]{32,}",
    r"HRKU-[0-9A-Za-z_-]{36,}",
    r"pscale_(?:tkn|pw|oauth)_[0-9A-Za-z_.-]{32,}",
];

/// Azure's connection strings name their keys.
const ACCOUNT_KEY: &str = r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}";

const EMAIL: &str =
    r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}";
/// With `+` and country code; or North American with its separators. Bare digits are never a phone number.
const PHONE: &str = r"\+[1-9][0-9]{0,2}(?:[ .-]?\(?[0-9]{1,4}\)?){2,6}|\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[ .-][0-9]{4}|[2-9][0-9]{2}([-.])[2-9][0-9]{2}[-.][0-9]{4}";
const CARD: &str = r"[2-6](?:[ -]?[0-9]){12,18}";
const IP: &str = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}";

/// The detectors of a group.
pub(super) fn of(group: Redact) -> Result<Vec<Detector>, ExportError> {
    let api_keys = API_KEYS.join("|");
    let wanted: Vec<(&'static str, &str, Check)> = match group {
        Redact::Secrets => vec![
            ("private_key", PRIVATE_KEY, Check::None),
            ("jwt", JWT, Check::Alone),
            ("api_key", &api_keys, Check::Random),
            ("api_key", ACCOUNT_KEY, Check::LastWord),
            ("token", BEARER, Check::LastWord),
            ("password", URL_PASSWORD, Check::LastWord),
        ],
        Redact::Emails => vec![("email", EMAIL, Check::Email)],
        Redact::Phones => vec![("phone", PHONE, Check::Phone)],
        Redact::Cards => vec![("card", CARD, Check::Card)],
        Redact::Ips => vec![("ip", IP, Check::Ip)],
    };
    let built = wanted.into_iter().map(|(kind, pattern, check)| {
        let regex = Regex::new(pattern)
            .map_err(|e| ExportError::Option { option: "redact", message: format!("{kind}: {e}") })?;
        Ok(Detector { kind: Cow::Borrowed(kind), regex, check })
    });
    built.collect()
}

impl Detector {
    pub(super) fn of_user(name: String, regex: Regex) -> Self {
        Self { kind: Cow::Owned(name), regex, check: Check::None }
    }

    /// The part of a match that is the value; none where it is not one after all.
    pub(super) fn narrowed(&self, text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
        let value = text.get(start..end).filter(|value| !value.is_empty())?;
        match self.check {
            Check::None => Some((start, end)),
            Check::Alone => is_alone(text, start, end, is_word).then_some((start, end)),
            Check::Random => {
                // The prefix may hold a digit, a word may stand in for the key in examples ("sk-your-key-goes-here").
                let digits = value.bytes().filter(u8::is_ascii_digit).count();
                let is_random = digits >= 2 || value.starts_with("hf_");
                (is_random && is_alone(text, start, end, is_word)).then_some((start, end))
            }
            Check::LastWord => {
                let value = value.strip_suffix('@').unwrap_or(value);
                let at = value.trim_end_matches('=').rfind([' ', '\t', '\n', ':', '=']).map_or(0, |at| at + 1);
                // What stands in documentation for a password is none.
                let is_stand_in = value[at..].starts_with(['<', '{', '$', '*']);
                (at < value.len() && !is_stand_in).then_some((start + at, start + value.len()))
            }
            Check::Email => is_alone(text, start, end, |c| c.is_alphanumeric() || c == '@').then_some((start, end)),
            Check::Phone => {
                let digits = value.bytes().filter(u8::is_ascii_digit).count();
                let end = start + value.trim_end_matches(['(', ' ', '.', '-']).len();
                let fits = (9..=15).contains(&digits) && is_grouped(&text[start..end]);
                let in_number = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '=' | '%');
                let free = is_alone(text, start, end, in_number) && !text[..start].ends_with(['-', '.', ',', '+']);
                (fits && free && !continues_number(text, end)).then_some((start, end))
            }
            Check::Card => card(text, start, value),
            Check::Ip => ip(text, start, end, value),
        }
    }

    /// What makes two spellings one value.
    pub(super) fn canonical<'a>(&self, value: &'a str) -> Cow<'a, str> {
        match self.check {
            Check::Email | Check::Ip => Cow::Owned(value.to_lowercase()),
            Check::Phone | Check::Card => {
                let digits: String = value.chars().filter(char::is_ascii_digit).collect();
                // A North American number is the same with its country code.
                Cow::Owned(if self.kind == "phone" && digits.len() == 10 && !value.starts_with('+') {
                    format!("1{digits}")
                } else {
                    digits
                })
            }
            _ => Cow::Borrowed(value),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

/// Nothing of the same word on either side. The letter of a JSON escape before it is not of the word.
fn is_alone(text: &str, start: usize, end: usize, in_word: impl Fn(char) -> bool) -> bool {
    let before = text[..start].chars().next_back();
    let is_escape = before.is_some_and(|c| matches!(c, 'n' | 't' | 'r' | 'b' | 'f'))
        && text[..start - 1].bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1;
    let free = |c: Option<char>| c.is_none_or(|c| !in_word(c));
    (is_escape || free(before)) && free(text[end..].chars().next())
}

/// As people write numbers: brackets closed, no single digit at the end (a decimal), and without a country code one
/// separator throughout (a clause of law has two).
fn is_grouped(value: &str) -> bool {
    let is_balanced = value.matches('(').count() == value.matches(')').count();
    let last = value.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    let mut separators = value.chars().filter(|c| !c.is_ascii_digit());
    let first = separators.next();
    let is_even = value.starts_with(['+', '(']) || separators.all(|c| Some(c) == first);
    is_balanced && last.len() > 1 && is_even
}

/// `.5`, `-7`, ` 7` hung on: then it is a longer number, a version, a range.
fn continues_number(text: &str, end: usize) -> bool {
    let mut rest = text[end..].chars();
    matches!(rest.next(), Some('.' | '-' | ',' | ':' | '+')) && rest.next().is_some_and(|c| c.is_ascii_digit())
}

/// Known networks with their lengths, and the check digit of Luhn.
fn card(text: &str, start: usize, value: &str) -> Option<(usize, usize)> {
    let digits: Vec<u8> = value.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    // Grouped as printed on cards: by one separator throughout, in groups of three to seven.
    let separators: Vec<u8> = value.bytes().filter(|b| !b.is_ascii_digit()).collect();
    let is_regular = separators.iter().all(|b| *b == separators[0])
        && (separators.is_empty() || value.split([' ', '-']).all(|group| (3..=7).contains(&group.len())));
    let end = start + value.len();
    let in_number = |c: char| c.is_alphanumeric() || c == '_';
    let free = is_alone(text, start, end, in_number)
        && !text[..start].ends_with(['.', '-', '+', '/'])
        && !continues_number(text, end);
    (is_regular && free && is_network(&digits) && luhn(&digits)).then_some((start, end))
}

fn is_network(digits: &[u8]) -> bool {
    let prefix = |n: usize| digits.iter().take(n).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    matches!(
        (digits.len(), prefix(2), prefix(4)),
        (13 | 16 | 19, 40..=49, _)
            | (16, 51..=55, _)
            | (16, _, 2221..=2720)
            | (15, 34 | 37, _)
            | (14, 36 | 38, _)
            | (14, _, 3000..=3059)
            | (16, _, 3528..=3589 | 6011 | 6440..=6499)
            | (16, 65, _)
            | (16..=19, 62, _)
    )
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| {
            let doubled = u32::from(*digit) * (1 + (i as u32 % 2));
            doubled / 10 + doubled % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// A whole address. `1.2.3.4` after `v`, `=`-pinned versions and times ("12:30:15") are none.
fn ip(text: &str, start: usize, end: usize, value: &str) -> Option<(usize, usize)> {
    let in_address = |c: char| c.is_alphanumeric() || matches!(c, '.' | ':' | '_');
    let is_v4 = value.contains('.');
    // A full stop may follow, or after IPv4 a port; what goes on otherwise is a version or a fingerprint.
    let mut after = text[end..].chars();
    let ends = match (after.next(), after.next()) {
        (Some(':'), _) => is_v4,
        (Some('.' | '-'), next) => next.is_none_or(|c| !c.is_alphanumeric()),
        (next, _) => next.is_none_or(|c| !in_address(c)),
    };
    let free = text[..start].chars().next_back().is_none_or(|c| !in_address(c) && c != '=') && ends;
    let address: IpAddr = value.parse().ok()?;
    let is_nobody = address.is_loopback()
        || address.is_unspecified()
        || is_v4 && (value.starts_with("255.") || value.starts_with("0."))
        || value.contains(':') && value.matches(|c: char| c.is_ascii_hexdigit()).count() < 4;
    (free && !is_nobody).then_some((start, end))
}
