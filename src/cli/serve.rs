//! `chartroom [serve]`: serve charts, or print their index.

use std::{env, fs};

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::{Invocation, Refusal, block_on, names, table};
use crate::config::options::OPTIONS;
use crate::config::{Config, Logging, TypedFlag};
use crate::{app, telemetry};

pub fn command() -> Command {
    let command = Command::new(names::SERVE).about(
        "serve charts, which is what chartroom does without a command; without any option those in ./chartstorage, \
         on port 8080",
    );
    with_flags(command)
}

/// Every option, and what goes with them.
pub fn with_flags(command: Command) -> Command {
    about_flags(command.args(OPTIONS.iter().map(table::flag)))
}

/// The flags of a command with many options that tell about them.
pub fn about_flags(command: Command) -> Command {
    let all = Arg::new("help-all").long("help-all");
    let version = Arg::new("version").short('v').long("version");
    // clap asks for a version before it prints one; what is printed is the answer of `chartroom version`
    let command = command.version("").disable_version_flag(true);
    command.args([
        all.action(ArgAction::HelpLong)
            .help("print every option, not only the most used"),
        version.action(ArgAction::Version).help("print the version"),
    ])
}

/// Of a flag that two of `matches` have, the value of the last counts.
pub fn read(matches: &[&ArgMatches]) -> Result<Invocation, Refusal> {
    Ok(Invocation::Serve(table::typed(OPTIONS.iter(), matches)?))
}

pub fn run(flags: &[TypedFlag]) -> anyhow::Result<()> {
    let config = Config::load(flags, |name| env::var_os(name), |path| fs::read(path))?;
    start_logs(&config.logging, &config.warnings);
    if config.gen_index {
        block_on(app::gen_index(config))
    } else {
        block_on(app::run(config))
    }
}

/// Turns logs on and says what is odd about the configuration.
pub fn start_logs(logging: &Logging, warnings: &[String]) {
    telemetry::init(logging);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}
