//! `chartroom gc`: what no tag, index or referrer needs any more is removed from the registry's part of the storage.

use std::{env, fs};

use clap::{ArgMatches, Command};

use crate::app;
use crate::cli::table::{self, switch};
use crate::cli::{Invocation, Refusal, block_on, names, print, serve};
use crate::config::options::{OPTIONS, Opt};
use crate::config::{Config, TypedFlag};
use crate::oci::registry::Collected;

/// The options of the server that say where things are and what they are called.
const FLAGS: [&str; 10] = [
    "builtin-charts",
    "storage",
    "storage-local-rootdir",
    "depth",
    "depth-dynamic",
    "oci-gc-grace",
    "config",
    "debug",
    "log-level",
    "log-json",
];

pub fn command() -> Command {
    let command = Command::new(names::GC).about(
        "remove images and blobs that no tag, index or referrer needs; a server may be running on the same storage",
    );
    let command = command.arg(
        switch("dry-run")
            .value_parser(|text: &str| super::crd::is_on("dry-run", text))
            .help("remove nothing, only say what would be"),
    );
    serve::about_flags(command.args(options().map(table::flag)))
}

fn options() -> impl Iterator<Item = &'static Opt> {
    OPTIONS.iter().filter(|option| FLAGS.contains(&option.flag))
}

pub fn read(matches: &ArgMatches) -> Result<Invocation, Refusal> {
    let is_dry_run = matches.get_one::<bool>("dry-run");
    Ok(Invocation::Gc {
        flags: table::typed(options(), &[matches])?,
        is_dry_run: is_dry_run.is_some_and(|is_on| *is_on),
    })
}

pub fn run(flags: &[TypedFlag], is_dry_run: bool) -> anyhow::Result<()> {
    let config = Config::load(flags, |name| env::var_os(name), |path| fs::read(path))?;
    serve::start_logs(&config.logging, &config.warnings);
    let collected = block_on(app::collect_garbage(config, is_dry_run))?;
    print(&sentence(&collected, is_dry_run))
}

fn sentence(collected: &Collected, is_dry_run: bool) -> String {
    let Collected {
        manifests,
        blobs,
        bytes,
        uploads,
    } = collected;
    let verb = if is_dry_run {
        "would remove"
    } else {
        "removed"
    };
    format!(
        "{verb} {manifests} manifests and {blobs} blobs ({bytes} bytes), {uploads} unfinished uploads\n"
    )
}
