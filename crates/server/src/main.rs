//! `gleaner`: see [`gleaner_server::cli`] for the commands.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;
use gleaner_server::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long memory that was freed is kept for who asks next. With mimalloc's own 10 ms, pages of one batch of the loader were given back and taken
/// again for the next: 14 % of the processor, for 20 MB less (measured). `MIMALLOC_PURGE_DELAY` goes before.
const PURGE_DELAY_MS: std::ffi::c_long = 1000;
/// Of mimalloc's options that the crate does not name (`mi_option_e` of mimalloc.h, since 2.0).
const MI_OPTION_PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    keep_freed_pages();
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("GLEANER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(cli.default_log_filter()));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // For machines that read logs; what is logged is the same.
    if std::env::var("GLEANER_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json")) {
        log.json().with_ansi(false).init();
    } else {
        log.with_ansi(std::io::stderr().is_terminal()).init();
    }

    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

#[expect(unsafe_code, reason = "a foreign function; it stores one number")]
fn keep_freed_pages() {
    // SAFETY: the option exists, and any number is a delay; an atomic is written.
    unsafe { libmimalloc_sys::mi_option_set_default(MI_OPTION_PURGE_DELAY, PURGE_DELAY_MS) }
}

/// The error and its causes, each once: many errors tell their cause themselves.
fn told(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |mut out, cause| {
        let cause = cause.to_string();
        if !out.contains(&cause) {
            out += if out.is_empty() { "" } else { ": " };
            out += &cause;
        }
        out
    })
}

#[cfg(test)]
#[path = "main/tests.rs"]
mod tests;
