//! Between fork and exec: this program, started again, sets its parent-death signal and becomes Helm.
//!
//! Between a fork and an exec of its own the parent could do this only with `unsafe` code; a program does it safely.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::{fs, process};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use super::environment::{self, HelmSettings};

/// The hidden first argument. The parent's process id, Helm's binary and Helm's arguments follow.
pub const ARGUMENT: &str = "exec-helm";

/// The exit code when Helm was not reached; Helm itself never ends with it.
pub const NOT_STARTED: u8 = 127;

/// This program as it runs now: the link holds even after the file was replaced or removed.
const MYSELF: &str = "/proc/self/exe";

/// The command that becomes Helm with these arguments: a process group of its own, the variables of
/// [`environment::variables`] and no others, and no standard streams.
pub(super) fn command(
    settings: &HelmSettings,
    arguments: impl IntoIterator<Item = OsString>,
) -> Command {
    let myself = settings.launcher.as_deref();
    let mut command = Command::new(myself.unwrap_or(Path::new(MYSELF)));
    command
        .arg(ARGUMENT)
        .arg(process::id().to_string())
        .arg(&settings.binary)
        .args(arguments)
        .env_clear()
        .envs(environment::variables(settings))
        // so that the working directory does not keep a volume from being unmounted
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// What `main` does first. With [`ARGUMENT`] as the first argument this process becomes Helm and the call does not
/// return, or it returns the exit code when that fails; without it there is nothing to do.
pub fn enter(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    let error = become_helm(arguments);
    // for the parent; if it is gone, nobody reads it
    let _ = writeln!(io::stderr(), "{error}");
    Some(ExitCode::from(NOT_STARTED))
}

fn become_helm(mut arguments: impl Iterator<Item = OsString>) -> LaunchError {
    let parent = arguments
        .next()
        .and_then(|text| text.to_str()?.parse().ok());
    let (Some(parent), Some(binary)) = (parent.and_then(Pid::from_raw), arguments.next()) else {
        return LaunchError::Arguments;
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
        return LaunchError::Tie(error.into());
    }
    // it may have died before the line above: then no signal will ever come
    if getppid() != Some(parent) {
        return LaunchError::ParentGone;
    }
    // when memory runs out it is Helm, which can be run again, that the kernel should end; no harm if it may not know
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    let error = Command::new(&binary).args(arguments).exec();
    LaunchError::Exec(binary, error)
}

#[derive(Debug, thiserror::Error)]
enum LaunchError {
    #[error("{ARGUMENT} is how chartroom starts helm: it is not for people to use")]
    Arguments,
    #[error("helm cannot be tied to the life of its parent: {0}")]
    Tie(io::Error),
    #[error("helm was not started: its parent has ended")]
    ParentGone,
    #[error("{} cannot be executed: {}", Path::new(.0).display(), .1)]
    Exec(OsString, io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn only_the_hidden_argument_in_the_first_place_is_the_launchers() {
        for others in ["chartroom", "chartroom serve", "chartroom plan exec-helm"] {
            assert_eq!(enter(words(others)), None, "{others}");
        }
    }

    #[test]
    fn a_stranger_as_parent_is_refused_before_helm_is_reached() {
        for bad in [
            "exec-helm",
            "exec-helm 1",
            "exec-helm x /bin/true",
            "exec-helm 0 /bin/true",
        ] {
            let arguments = words(bad).into_iter().skip(1);
            assert!(
                matches!(become_helm(arguments), LaunchError::Arguments),
                "{bad}"
            );
        }
        // nobody is its own parent
        let error = become_helm(words(&format!("{} /bin/true", process::id())).into_iter());
        assert!(matches!(error, LaunchError::ParentGone), "{error}");
        set_parent_process_death_signal(None).expect("it can be taken back");
    }
}
