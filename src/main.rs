//! The `chartroom` program: arguments in, exit code out.

use std::env;
use std::io::{self, Write as _};
use std::process::ExitCode;

use chartroom::causes::chain;
use chartroom::release::helm::launcher;
use chartroom::{cli, telemetry};

fn main() -> ExitCode {
    // before there are threads, logs or a configuration: this process may be about to become Helm
    if let Some(code) = launcher::enter(env::args_os()) {
        return code;
    }
    let outcome = cli::run(env::args_os().skip(1));
    telemetry::flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // whoever closed standard error does not want to know
            let _ = writeln!(io::stderr(), "chartroom: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
