//! The `helm` program: found, checked for its version, and run once for each action on a release.
//!
//! One run is one child process; nothing is retried or decided here. What an outcome means is
//! decided by [`judge`], and what to do then by the caller.

pub mod arguments;
mod child;
pub mod environment;
mod error;
pub mod failure;
pub mod launcher;
mod render;

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, io, panic};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tracing::instrument::Instrument as _;
use tracing::{Span, info, warn};

use self::child::Job;
pub use self::environment::HelmSettings;
pub use self::error::HelmError;
pub use self::failure::{
    Ending, Failure, FailureClass, HelmOutcome, Obstacle, UNKNOWN_KINDS, failed, judge, not_ready,
    obstacle, of_unserved, redact, said, unknown_kinds,
};
pub use self::render::Rendering;

use crate::release::installer::{Installer, Rendered};
use crate::release::operation::Operation;
use crate::release::record::Record;
use crate::yaml::escaped;

/// How long `helm version` may take: a second or so on a slow machine that has just started.
const VERSION_DEADLINE: Duration = Duration::from_secs(60);

/// The most bytes of a release as Helm prints it: its templates, in base64, its values and what it renders to.
const RENDERED: usize = 16 << 20;

/// The `helm` program. It is cheap to clone.
#[derive(Clone, Debug)]
pub struct Helm {
    settings: Arc<HelmSettings>,
}

impl Helm {
    /// Helm as these settings say. This starts the one thread, for the life of the program, that starts Helm.
    pub fn new(settings: HelmSettings) -> Helm {
        if let Err(error) = child::fork::prepare() {
            // it is tried again, and reported, when it is needed
            warn!(%error, "The thread that starts Helm does not start");
        }
        Helm {
            settings: Arc::new(settings),
        }
    }

    /// Helm's version, such as `v4.1.4`.
    ///
    /// # Errors
    ///
    /// Helm does not start, prints no version, or is not at least 4.1 and below 5 (docs/components.md 5.7).
    pub async fn version(&self) -> Result<String, HelmError> {
        let binary = || self.settings.binary.clone();
        let arguments = ["version", "--template", "{{.Version}}"].map(OsString::from);
        let mut job = self.job(arguments.into(), None, VERSION_DEADLINE);
        job.keeps_output = Some(child::OUTPUT);
        let ended = child::run(job, &CancellationToken::new(), |_| ()).await;
        match ended.ending {
            Ending::Succeeded => error::check_version(&binary(), ended.stdout.trim()),
            Ending::NotStarted(why) => Err(HelmError::NotStarted(binary(), why)),
            _ => Err(HelmError::NoVersion(binary(), failure::said(&ended.stderr))),
        }
    }

    /// Runs Helm once, to its end.
    ///
    /// When `stop` is cancelled Helm gets a SIGTERM, which makes it record the revision as failed, and 10 s later a
    /// SIGKILL; so it does when the returned future is dropped, but then its end is not observable: cancel
    /// `stop` and wait, before another run on the release may begin. The lines "Helm starts" and "Helm ended" are
    /// logged for each run of a process.
    pub async fn run(&self, operation: &Operation, stop: &CancellationToken) -> HelmOutcome {
        self.run_and_keep(operation, None, stop).await.0
    }

    /// As [`run`](Self::run), with so many of the last bytes that it writes to standard output.
    async fn run_and_keep(
        &self,
        operation: &Operation,
        output: Option<usize>,
        stop: &CancellationToken,
    ) -> (HelmOutcome, String) {
        let begun = Instant::now();
        if stop.is_cancelled() {
            return (HelmOutcome::without_a_run(Ending::Stopped), String::new());
        }
        let input = operation.call.input().map(<[u8]>::to_vec);
        let mut job = self.job(arguments::arguments(operation), input, operation.deadline);
        job.keeps_output = output;
        if let Some(address) = &operation.api_server {
            // no flag: others could read those
            job.command.env("HELM_KUBEAPISERVER", address);
        }
        let line = LogLine::of(operation);
        let stop = stop.child_token();
        // dropped with this future, while the task goes on to end what it has started
        let _abandon = stop.clone().drop_guard();
        let task = async move {
            let ended = child::run(job, &stop, |pid| line.start(pid)).await;
            let outcome = HelmOutcome {
                ending: ended.ending,
                stderr: ended.stderr,
                max_rss_bytes: ended.max_rss_bytes,
                duration: begun.elapsed(),
            };
            line.end(&outcome);
            (outcome, ended.stdout)
        };
        match tokio::spawn(task.instrument(Span::current())).await {
            Ok(outcome) => outcome,
            Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
            // the runtime is going away, and has ended Helm
            Err(_) => (HelmOutcome::without_a_run(Ending::Stopped), String::new()),
        }
    }

    fn job(&self, arguments: Vec<OsString>, input: Option<Vec<u8>>, deadline: Duration) -> Job {
        // Helm works without its caches
        let _ = fs::create_dir_all(&self.settings.home);
        Job {
            command: launcher::command(&self.settings, arguments),
            // JSON, which Helm reads as YAML
            input: input.map(escaped),
            keeps_output: None,
            deadline,
            grace: self.settings.grace,
        }
    }
}

impl Installer for Helm {
    fn run<'a>(
        &'a self,
        operation: &'a Operation,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, HelmOutcome> {
        Helm::run(self, operation, stop).boxed()
    }

    fn render<'a>(
        &'a self,
        operation: &'a Operation,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Rendered> {
        async move {
            let (outcome, output) = self.run_and_keep(operation, Some(RENDERED), stop).await;
            let record = match outcome.ending {
                Ending::Succeeded => Some(Record::printed(output.as_bytes())),
                _ => None,
            };
            Rendered { outcome, record }
        }
        .boxed()
    }
}

/// What is logged of a run, beside what its span says.
struct LogLine {
    operation: String,
    action: &'static str,
    release: String,
    namespace: String,
}

impl LogLine {
    fn of(operation: &Operation) -> LogLine {
        LogLine {
            operation: operation.id.clone(),
            action: operation.call.verb(),
            release: operation.release.clone(),
            namespace: operation.namespace.clone(),
        }
    }

    fn start(&self, pid: i32) {
        info!(
            operation = self.operation,
            action = self.action,
            release = self.release,
            namespace = self.namespace,
            pid,
            "Helm starts"
        );
    }

    fn end(&self, outcome: &HelmOutcome) {
        info!(
            operation = self.operation,
            action = self.action,
            release = self.release,
            namespace = self.namespace,
            duration_ms = u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
            ending = %outcome.ending,
            max_rss_bytes = outcome.max_rss_bytes,
            "Helm ended"
        );
    }
}

/// The Helm that would be run, as text: `helm version 4.3.1 (/usr/local/bin/helm)`, or why none would. `name` is as
/// [`find`] takes it.
pub async fn described(name: Option<&Path>) -> String {
    let version = async {
        let binary = find(name, env::var_os("PATH").as_deref())?;
        // it keeps nothing for this question
        Helm::for_questions(binary.clone(), env::temp_dir())
            .version()
            .await
            .map(|version| (binary, version))
    };
    match version.await {
        Ok((binary, version)) => format!("helm version {} ({})", bare(&version), binary.display()),
        Err(error) => format!("no helm: {error}"),
    }
}

/// The version without Go's `v`.
pub fn bare(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}

/// The path of Helm: `name` as `--helm-binary` gives it, else `helm`. A name without a slash is looked up in `path`,
/// the value of `PATH`; the answer is absolute.
///
/// # Errors
///
/// There is nothing of that name, or it cannot be executed.
pub fn find(name: Option<&Path>, path: Option<&OsStr>) -> Result<PathBuf, HelmError> {
    let name = name.unwrap_or(Path::new("helm"));
    if name.components().count() > 1 || name.is_absolute() {
        let is_program =
            is_program(name).map_err(|error| HelmError::Unusable(name.into(), error))?;
        return match is_program {
            true => {
                std::path::absolute(name).map_err(|error| HelmError::Unusable(name.into(), error))
            }
            false => Err(HelmError::NotExecutable(name.into())),
        };
    }
    let mut refused = None;
    for candidate in environment::candidates(name, path.unwrap_or_default()) {
        match is_program(&candidate) {
            Ok(true) => return Ok(candidate),
            Ok(false) => {
                refused.get_or_insert(candidate);
            }
            Err(_) => {}
        }
    }
    Err(match refused {
        Some(candidate) => HelmError::NotExecutable(candidate),
        None => HelmError::NotFound(name.into()),
    })
}

fn is_program(path: &Path) -> io::Result<bool> {
    let metadata = fs::metadata(path)?;
    Ok(metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests;
