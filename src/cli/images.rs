//! `chartroom images`: the images that Component manifests need.

use std::path::PathBuf;
use std::{env, fmt::Write as _};

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::cli::{Invocation, block_on, names, plan, print};
use crate::plan::{self as planning, PlanArguments};

pub fn command() -> Command {
    let helm = Arg::new("helm-binary")
        .long("helm-binary")
        .value_name("FILE");
    Command::new(names::IMAGES)
        .about(
            "print the images that Component manifests need, one a line, with those of what is added; renders each \
             chart with helm, needs no cluster",
        )
        .args_override_self(true)
        .args(plan::sources())
        .arg(
            helm.value_parser(value_parser!(PathBuf))
                .help("path of the helm program; HELM_BINARY or the one on PATH without it"),
        )
}

pub fn read(matches: &ArgMatches) -> Invocation {
    Invocation::Images(
        plan::arguments(matches),
        matches.get_one::<PathBuf>("helm-binary").cloned(),
    )
}

pub fn run(arguments: &PlanArguments, helm: Option<PathBuf>) -> anyhow::Result<()> {
    let of_environment = || env::var_os("HELM_BINARY").filter(|path| !path.is_empty());
    let helm = helm.or_else(|| of_environment().map(PathBuf::from));
    let images = block_on(async { Ok(planning::images(arguments, helm.as_deref()).await?) })?;
    let mut text = String::new();
    for image in images {
        let _ = writeln!(text, "{image}");
    }
    print(&text)
}
