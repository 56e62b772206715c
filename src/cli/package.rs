//! `chartroom package`: packages of chart directories.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::chart;
use crate::cli::{Invocation, names, print};

pub fn command() -> Command {
    Command::new(names::PACKAGE)
        .about("make packages of chart directories; the same tree gives the same bytes")
        .args_override_self(true)
        .args([
            Arg::new("dirs")
                .value_name("DIR")
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf))
                .help("a chart directory"),
            Arg::new("destination")
                .short('d')
                .long("destination")
                .value_name("OUT")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("the directory that the packages go to"),
        ])
}

pub fn read(matches: &ArgMatches) -> Invocation {
    let dirs = matches.get_many("dirs").into_iter().flatten();
    let destination = matches.get_one::<PathBuf>("destination");
    Invocation::Package {
        dirs: dirs.cloned().collect(),
        destination: destination.cloned().expect("clap requires it"),
    }
}

pub fn run(dirs: &[PathBuf], destination: &Path) -> anyhow::Result<()> {
    for (path, packaged) in chart::package::run(dirs, destination)? {
        print(&format!(
            "{}  {}\n",
            packaged.package.digest,
            path.display()
        ))?;
    }
    Ok(())
}
