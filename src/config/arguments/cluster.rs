//! The words after `crd` and `teardown`, which may work on a cluster.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::arguments::{Invocation, Word, take_apart, text};
use crate::config::error::ConfigError;
use crate::config::suggest::nearest;
use crate::go_syntax::{parse_bool, parse_duration};

/// How `crd --apply` works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrdArguments {
    /// The way to the cluster; `None` is the pod's account or the user's own file.
    pub kubeconfig: Option<PathBuf>,
    /// How long it may take until the definition is served.
    pub timeout: Duration,
}

/// What `teardown` takes down, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeardownArguments {
    /// The way to the cluster; `None` is the pod's account or the user's own file.
    pub kubeconfig: Option<PathBuf>,
    /// The only namespace whose Components go; `None` is all.
    pub namespace: Option<String>,
    /// How long it may take until they are gone.
    pub timeout: Duration,
    /// Without a controller: Components go, releases stay.
    pub force: bool,
}

/// A flag of one of these commands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flag {
    Apply,
    Force,
    Help,
    Kubeconfig,
    Namespace,
    Timeout,
}

impl Flag {
    fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Force => "force",
            Self::Help => "help",
            Self::Kubeconfig => "kubeconfig",
            Self::Namespace => "namespace",
            Self::Timeout => "timeout",
        }
    }

    fn is_switch(self) -> bool {
        matches!(self, Self::Apply | Self::Force | Self::Help)
    }
}

/// Reads the words after `crd`.
pub(super) fn read_crd(args: impl Iterator<Item = OsString>) -> Result<Invocation, ConfigError> {
    let mut arguments = CrdArguments {
        kubeconfig: None,
        timeout: Duration::from_secs(60),
    };
    let mut is_applied = false;
    let mut only_with_apply = None;
    let flags = [Flag::Apply, Flag::Kubeconfig, Flag::Timeout, Flag::Help];
    for (flag, value) in flags_of("crd", &flags, args)? {
        match flag {
            Flag::Help => return Ok(Invocation::Help),
            Flag::Apply => is_applied = is_on(flag, &value)?,
            Flag::Kubeconfig => arguments.kubeconfig = Some(value.into()),
            _ => arguments.timeout = timeout(&text(value)?)?,
        }
        if !flag.is_switch() {
            only_with_apply = Some(flag);
        }
    }
    match only_with_apply {
        _ if is_applied => Ok(Invocation::CrdApply(arguments)),
        None => Ok(Invocation::Crd),
        Some(flag) => Err(ConfigError::ClusterCommand(format!(
            "crd prints the definition and needs no --{}; write chartroom crd --apply to bring it to a cluster",
            flag.name()
        ))),
    }
}

/// Reads the words after `teardown`.
pub(super) fn read_teardown(
    args: impl Iterator<Item = OsString>,
) -> Result<Invocation, ConfigError> {
    let mut arguments = TeardownArguments {
        kubeconfig: None,
        namespace: None,
        timeout: Duration::from_secs(600),
        force: false,
    };
    let flags = [
        Flag::Namespace,
        Flag::Timeout,
        Flag::Force,
        Flag::Kubeconfig,
        Flag::Help,
    ];
    for (flag, value) in flags_of("teardown", &flags, args)? {
        match flag {
            Flag::Help => return Ok(Invocation::Help),
            Flag::Force => arguments.force = is_on(flag, &value)?,
            Flag::Kubeconfig => arguments.kubeconfig = Some(value.into()),
            Flag::Namespace => arguments.namespace = Some(text(value)?),
            _ => arguments.timeout = timeout(&text(value)?)?,
        }
    }
    Ok(Invocation::Teardown(arguments))
}

/// The flags in the order given, each with its value; a bare switch has `true`.
fn flags_of(
    command: &'static str,
    known: &[Flag],
    mut args: impl Iterator<Item = OsString>,
) -> Result<Vec<(Flag, OsString)>, ConfigError> {
    let mut found = Vec::new();
    let names = || known.iter().map(|flag| flag.name());
    while let Some(arg) = args.next() {
        let (typed, name, value) = match take_apart(arg)? {
            Word::Flag { typed, name, value } => (typed, name, value),
            Word::Plain(word) => {
                let all = names().collect::<Vec<_>>().join(", --");
                return Err(ConfigError::StrayArgument {
                    given: word,
                    hint: format!("{command} takes options only: --{all}"),
                });
            }
        };
        let name = match name.as_str() {
            "n" => "namespace",
            "h" => "help",
            other => other,
        };
        let Some(flag) = known.iter().copied().find(|flag| flag.name() == name) else {
            let hint = match nearest(name, names()) {
                Some(flag) => format!("did you mean --{flag}?"),
                None => format!(
                    "{command} knows --{}",
                    names().collect::<Vec<_>>().join(", --")
                ),
            };
            return Err(ConfigError::UnknownFlag {
                given: typed.escape_debug().to_string(),
                hint,
            });
        };
        let value = match value {
            Some(value) => value.into(),
            None if flag.is_switch() => "true".into(),
            None => (args.next()).ok_or(ConfigError::MissingValue(flag.name()))?,
        };
        if value.is_empty() {
            return Err(ConfigError::MissingValue(flag.name()));
        }
        found.push((flag, value));
    }
    Ok(found)
}

fn is_on(flag: Flag, value: &OsString) -> Result<bool, ConfigError> {
    let known = value.to_str().and_then(parse_bool);
    known.ok_or_else(|| {
        ConfigError::ClusterCommand(format!("--{} is true or false, not {value:?}", flag.name()))
    })
}

fn timeout(text: &str) -> Result<Duration, ConfigError> {
    match parse_duration(text).map(u64::try_from) {
        Some(Ok(nanoseconds @ 1..)) => Ok(Duration::from_nanos(nanoseconds)),
        _ => Err(ConfigError::ClusterCommand(format!(
            "--timeout {text:?} is no time above zero; write it as 90s or 10m"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crd(words: &[&str]) -> Result<Invocation, String> {
        read_crd(words.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    fn teardown(words: &[&str]) -> Result<Invocation, String> {
        read_teardown(words.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn crd_prints_or_applies() {
        assert_eq!(crd(&[]), Ok(Invocation::Crd));
        assert_eq!(crd(&["--apply=false"]), Ok(Invocation::Crd));
        assert_eq!(crd(&["--apply", "-h"]), Ok(Invocation::Help));
        let mut arguments = CrdArguments {
            kubeconfig: None,
            timeout: Duration::from_secs(60),
        };
        assert_eq!(
            crd(&["--apply"]),
            Ok(Invocation::CrdApply(arguments.clone()))
        );
        arguments.kubeconfig = Some("k".into());
        arguments.timeout = Duration::from_millis(1500);
        assert_eq!(
            crd(&["--kubeconfig=k", "--timeout", "1.5s", "-apply"]),
            Ok(Invocation::CrdApply(arguments))
        );
    }

    #[test]
    fn teardown_takes_all_or_a_namespace() {
        let mut arguments = TeardownArguments {
            kubeconfig: None,
            namespace: None,
            timeout: Duration::from_secs(600),
            force: false,
        };
        assert_eq!(teardown(&[]), Ok(Invocation::Teardown(arguments.clone())));
        arguments.namespace = Some("edge".to_owned());
        arguments.force = true;
        arguments.timeout = Duration::from_secs(60);
        assert_eq!(
            teardown(&["-n", "edge", "--force", "--timeout=1m"]),
            Ok(Invocation::Teardown(arguments))
        );
        assert_eq!(teardown(&["--help"]), Ok(Invocation::Help));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_in_a_sentence() {
        for (words, message) in [
            (
                &["--aply"][..],
                "unknown flag --aply; did you mean --apply?",
            ),
            (
                &["--debug"],
                "unknown flag --debug; crd knows --apply, --kubeconfig, --timeout, --help",
            ),
            (
                &["file.yaml"],
                "unexpected argument \"file.yaml\"; crd takes options only: --apply, --kubeconfig, --timeout, --help",
            ),
            (&["--apply", "--kubeconfig"], "--kubeconfig needs a value"),
            (&["--apply=yes"], "--apply is true or false, not \"yes\""),
            (
                &["--timeout=1m"],
                "crd prints the definition and needs no --timeout; write chartroom crd --apply to bring it to a cluster",
            ),
            (
                &["--apply", "--timeout=0"],
                "--timeout \"0\" is no time above zero; write it as 90s or 10m",
            ),
            (
                &["--apply", "--timeout=-5s"],
                "--timeout \"-5s\" is no time above zero; write it as 90s or 10m",
            ),
        ] {
            assert_eq!(crd(words), Err(message.to_owned()), "{words:?}");
        }
        assert_eq!(
            teardown(&["--all"]),
            Err(
                "unknown flag --all; teardown knows --namespace, --timeout, --force, --kubeconfig, --help"
                    .to_owned()
            )
        );
    }
}
