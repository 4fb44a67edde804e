//! `gleaner`: see [`gleaner_server::cli`] for the commands.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;
use gleaner_server::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
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
