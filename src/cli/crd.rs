//! `chartroom crd`: the definition of the Component resource, printed or brought to a cluster.

use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, value_parser};

use crate::cli::table::switch;
use crate::cli::{Invocation, Refusal, block_on, names, print};
use crate::go_syntax::{TOO_LONG, is_too_long, parse_bool, parse_duration};
use crate::{component, controller};

/// How the definition is brought to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrdArguments {
    /// The way to the cluster; `None` is the pod's account or the user's own file.
    pub kubeconfig: Option<PathBuf>,
    /// How long it may take until the definition is served.
    pub timeout: Duration,
}

pub fn command() -> Command {
    Command::new(names::CRD)
        .about("print the definition of the Component resource, to pipe into kubectl apply; or bring it to a cluster")
        .args_override_self(true)
        .args([
            switch("apply")
                .value_parser(|text: &str| is_on("apply", text))
                .help("bring it to a cluster and wait until it is served; a newer one is left as it is"),
            kubeconfig(),
            timeout("60s").help("how long it may take until it is served"),
        ])
}

/// The flag that says which cluster.
pub fn kubeconfig() -> Arg {
    Arg::new("kubeconfig")
        .long("kubeconfig")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("path of a kubeconfig; without it the pod's account or ~/.kube/config")
}

/// The flag that says how long.
pub fn timeout(default: &'static str) -> Arg {
    Arg::new("timeout")
        .long("timeout")
        .value_name("DURATION")
        .default_value(default)
        .value_parser(|text: &str| match parse_duration(text).map(u64::try_from) {
            _ if text.is_empty() => Err("--timeout needs a value".to_owned()),
            Some(Ok(nanoseconds @ 1..)) => Ok(Duration::from_nanos(nanoseconds)),
            _ if is_too_long(text) => Err(format!("--timeout {text:?} {TOO_LONG}")),
            _ => Err(format!(
                "--timeout {text:?} is no time above zero; write it as 90s or 10m"
            )),
        })
}

/// The value of the switch `name`.
pub fn is_on(name: &str, text: &str) -> Result<bool, String> {
    parse_bool(text).ok_or_else(|| match text {
        "" => format!("--{name} needs a value"),
        other => format!("--{name} is true or false, not {other:?}"),
    })
}

pub fn read(matches: &ArgMatches) -> Result<Invocation, Refusal> {
    if matches.get_one::<bool>("apply").is_some_and(|apply| *apply) {
        let timeout = matches.get_one::<Duration>("timeout");
        return Ok(Invocation::CrdApply(CrdArguments {
            kubeconfig: matches.get_one::<PathBuf>("kubeconfig").cloned(),
            timeout: timeout.copied().expect("it has a default"),
        }));
    }
    let is_typed = |flag: &&str| matches.value_source(flag) == Some(ValueSource::CommandLine);
    match ["timeout", "kubeconfig"].into_iter().find(is_typed) {
        None => Ok(Invocation::Crd),
        Some(flag) => Err(Refusal::Sentence(format!(
            "crd prints the definition and needs no --{flag}; write chartroom crd --apply to bring it to a cluster"
        ))),
    }
}

/// Prints the definition.
pub fn run() -> anyhow::Result<()> {
    print(&component::crd::yaml())
}

/// Brings it to a cluster.
pub fn apply(arguments: &CrdArguments) -> anyhow::Result<()> {
    let applied = block_on(async {
        let cluster = controller::cluster(arguments.kubeconfig.as_deref()).await?;
        Ok(controller::crd::apply(cluster, arguments.timeout).await?)
    })?;
    print(&format!("{applied}\n"))
}
