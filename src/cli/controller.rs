//! `chartroom controller`: the Component controller without a server beside it.

use std::{env, fs};

use clap::{ArgMatches, Command};

use crate::app;
use crate::cli::{block_on, serve, table};
use crate::config::ControllerAlone;
use crate::config::options::{OPTIONS, Opt};

pub const NAME: &str = "controller";

pub fn command() -> Command {
    let command = Command::new(NAME)
        .about("install what Component objects ask for, with charts from another server");
    serve::about_flags(command.args(options().map(table::flag)))
}

fn options() -> impl Iterator<Item = &'static Opt> {
    OPTIONS.iter().filter(|option| option.is_for_controller())
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let flags = table::typed(options(), &[matches])?;
    let config = ControllerAlone::load(&flags, |name| env::var_os(name), |path| fs::read(path))?;
    serve::start_logs(&config.logging, &config.warnings);
    block_on(app::run_controller(config))
}
