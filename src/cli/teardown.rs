//! `chartroom teardown`: all Components are deleted, and whoever asked waits until they are gone.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgMatches, Command};

use crate::cli::crd::{is_on, kubeconfig, timeout};
use crate::cli::table::switch;
use crate::cli::{Invocation, block_on, names, print, style_of};
use crate::controller;
use crate::teardown::{self, TeardownArguments};

pub fn command() -> Command {
    Command::new(names::TEARDOWN)
        .about(
            "delete all Components, which the controller takes down in reverse order, and wait until they are gone",
        )
        .args_override_self(true)
        .args([
            Arg::new("namespace")
                .short('n')
                .long("namespace")
                .value_name("NAME")
                .value_parser(NonEmptyStringValueParser::new())
                .help("the only namespace whose Components go; all without it"),
            timeout("10m").help("how long it may take until they are gone"),
            switch("force")
                .value_parser(|text: &str| is_on("force", text))
                .help("for when there is no controller any more: Components go, their releases stay"),
            kubeconfig(),
        ])
}

pub fn read(matches: &ArgMatches) -> Invocation {
    let timeout = matches.get_one::<Duration>("timeout");
    Invocation::Teardown(TeardownArguments {
        kubeconfig: matches.get_one::<PathBuf>("kubeconfig").cloned(),
        namespace: matches.get_one::<String>("namespace").cloned(),
        timeout: timeout.copied().expect("it has a default"),
        force: matches.get_one::<bool>("force").is_some_and(|force| *force),
    })
}

pub fn run(arguments: &TeardownArguments) -> anyhow::Result<()> {
    let style = style_of(&io::stderr());
    let mut tell = |line: &str| {
        // whoever closed standard error does not want to know
        let _ = writeln!(io::stderr(), "{line}");
    };
    let done = block_on(async {
        let cluster = controller::cluster(arguments.kubeconfig.as_deref()).await?;
        Ok(teardown::run(cluster, arguments, style, &mut tell).await?)
    })?;
    print(&done)
}
