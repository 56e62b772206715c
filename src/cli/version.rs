//! `chartroom version`: which program this is.

use clap::Command;

use crate::cli::print;
use crate::config;

pub const NAME: &str = "version";

pub fn command() -> Command {
    Command::new(NAME).about("print the version, as chartroom --version does")
}

pub fn run() -> anyhow::Result<()> {
    print(&format!("{}\n", config::version()))
}
