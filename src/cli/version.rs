//! `chartroom version`: which program this is, and which Helm its controller would run.

use std::env;
use std::path::PathBuf;

use clap::Command;

use crate::cli::{block_on, names, print};
use crate::config;
use crate::release::helm;

pub fn command() -> Command {
    Command::new(names::VERSION)
        .about("print the version, and that of the helm which the controller would run")
        .long_about(
            "Prints the version, and that of the helm which the controller would run: HELM_BINARY, or the one on the PATH. \
             chartroom --version prints the version alone.",
        )
}

/// The program's own version, on one line.
pub fn run() -> anyhow::Result<()> {
    print(&format!("{}\n", config::version()))
}

/// The same, and on a second line the helm that a controller with this environment would run.
pub fn run_with_helm() -> anyhow::Result<()> {
    let named = env::var_os("HELM_BINARY").filter(|path| !path.is_empty());
    let named = named.map(PathBuf::from);
    let helm = block_on(async { Ok(helm::described(named.as_deref()).await) })?;
    print(&format!("{}\n{helm}\n", config::version()))
}
