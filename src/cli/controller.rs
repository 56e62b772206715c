//! `chartroom controller`: the Component controller without a server beside it.

use std::{env, fs};

use clap::{ArgMatches, Command};

use crate::app;
use crate::cli::{Invocation, Refusal, block_on, names, serve, table};
use crate::config::options::{OPTIONS, Opt};
use crate::config::{ControllerAlone, TypedFlag};

pub fn command() -> Command {
    let command = Command::new(names::CONTROLLER)
        .about("install what Component objects ask for, with charts from another server");
    serve::about_flags(command.args(options().map(table::flag)))
}

fn options() -> impl Iterator<Item = &'static Opt> {
    OPTIONS.iter().filter(|option| option.is_for_controller())
}

pub fn read(matches: &ArgMatches) -> Result<Invocation, Refusal> {
    let flags = table::typed(options(), &[matches])?;
    Ok(Invocation::Controller(flags))
}

pub fn run(flags: &[TypedFlag]) -> anyhow::Result<()> {
    let config = ControllerAlone::load(flags, |name| env::var_os(name), |path| fs::read(path))?;
    serve::start_logs(&config.logging, &config.warnings);
    block_on(app::run_controller(config))
}
