//! How far a long command has come: a bar with rate and time left where it is known how much there is, else a count.
//!
//! Never told: a time left before anything was done, or where the end is not known. Bars are not drawn when the output is no
//! terminal.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

/// How often it is drawn anew while nothing moves: a query that takes its time is no program that hangs.
const TICK: Duration = Duration::from_millis(200);

/// A bar for `what`, of which the end is not known yet.
pub(crate) fn progress(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    bar.set_style(style(0));
    bar.set_message(what);
    bar.enable_steady_tick(TICK);
    bar
}

/// Tells of a part of the work: `total` 0 is not known.
pub(crate) fn tell(bar: &ProgressBar, part: &str, done: u64, total: u64) {
    if bar.message() != part || bar.length() != Some(total) {
        // Rate and time left are those of this part. The message comes last: no other part's counts are drawn under it.
        bar.reset();
        bar.set_length(total);
        bar.set_style(style(total));
        bar.set_message(part.to_owned());
    }
    advance(bar, done);
}

/// So many pieces of the part are done.
pub(crate) fn advance(bar: &ProgressBar, done: u64) {
    let is_first = bar.position() == 0 && done > 0;
    bar.set_position(done);
    if is_first {
        // The time that a query took until its first row says nothing of the others.
        bar.reset_eta();
    }
}

fn style(total: u64) -> ProgressStyle {
    let template = if total == 0 { "{spinner} {msg} {told}" } else { "{msg} {wide_bar} {told}" };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("told", |state: &ProgressState, out: &mut dyn Write| {
        let total = state.len().unwrap_or(0);
        let _ = out.write_str(&told(state.pos(), total, state.per_sec(), state.eta(), state.elapsed()));
    })
}

fn told(done: u64, total: u64, per_second: f64, left: Duration, elapsed: Duration) -> String {
    let elapsed = HumanDuration(elapsed);
    match (done, total) {
        (0, 0) => format!("({elapsed})"),
        (done, 0) => format!("{done} ({per_second:.0}/s, {elapsed})"),
        (0, total) => format!("0/{total} ({elapsed})"),
        (done, total) if done >= total => format!("{done}/{total} ({per_second:.0}/s)"),
        (done, total) => format!("{done}/{total} ({per_second:.0}/s, {} left)", HumanDuration(left)),
    }
}

#[cfg(test)]
mod tests;
