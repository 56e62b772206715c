//! A shell script between the controller and the real helm: an independent record of every run, and a way to stop the
//! world before a run, after it, or in the middle of it.

mod record;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

pub use self::record::{HelmCall, most_at_once, overlaps};
use super::api::poll;
use super::process;
use super::tools;

/// How long something may take to become so.
const DEADLINE: Duration = Duration::from_secs(60);

/// The script in a directory of its own. Controllers may share one, and so one record.
pub struct HelmWrapper {
    directory: TempDir,
}

impl HelmWrapper {
    /// Around the helm of this version, such as `4.1.4`.
    #[track_caller]
    pub fn new(version: &str) -> HelmWrapper {
        let helm = tools::helm(version);
        let wrapper = HelmWrapper {
            directory: TempDir::new().expect("a temporary directory"),
        };
        let script = include_str!("helm_wrapper.sh").replace("@HELM@", &helm.to_string_lossy());
        let path = wrapper.path();
        fs::write(&path, script).expect("a writable directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our own file");
        wrapper
    }

    /// What to run in helm's place.
    pub fn path(&self) -> PathBuf {
        self.file("helm")
    }

    /// Every run so far that works on a release, in the order of their starts; not dry runs, nor questions.
    #[track_caller]
    pub fn calls(&self) -> Vec<HelmCall> {
        let mut calls = self.all_calls();
        calls.retain(|call| !call.is_dry_run());
        calls
    }

    /// The same with dry runs.
    #[track_caller]
    pub fn all_calls(&self) -> Vec<HelmCall> {
        record::calls(&self.record())
    }

    /// The runs so far of this verb on this release: `calls_of("upgrade", "grafana")`.
    #[track_caller]
    pub fn calls_of(&self, verb: &str, release: &str) -> Vec<HelmCall> {
        let mut calls = self.calls();
        calls.retain(|call| call.verb == verb && call.release == release);
        calls
    }

    /// The arguments of every run that only asks, such as `version`.
    #[track_caller]
    pub fn questions(&self) -> Vec<Vec<String>> {
        record::questions(&self.record())
    }

    /// Waits for a run of which `holds` is true.
    #[track_caller]
    pub fn await_call(&self, what: &str, holds: impl Fn(&HelmCall) -> bool) -> HelmCall {
        let found = poll(DEADLINE, || self.calls().into_iter().find(&holds));
        found.unwrap_or_else(|| panic!("no {what} within {DEADLINE:?}:\n{:#?}", self.calls()))
    }

    /// Waits until none runs that this process has started; for after its end.
    #[track_caller]
    pub fn await_gone(&self, parent: u32, deadline: Duration) {
        let gone = poll(deadline, || {
            self.running_of(parent).is_empty().then_some(())
        });
        assert!(
            gone.is_some(),
            "helm outlives its controller: {:#?}",
            self.running_of(parent)
        );
    }

    /// From now on runs on this release wait, before helm is started, until the hold is dropped.
    #[track_caller]
    pub fn hold_before(&self, namespace: &str, release: &str) -> Hold {
        self.hold("before", namespace, release)
    }

    /// From now on runs on this release wait, after helm has ended and before anybody learns of it, until the hold is
    /// dropped.
    #[track_caller]
    pub fn hold_after(&self, namespace: &str, release: &str) -> Hold {
        self.hold("after", namespace, release)
    }

    /// From now on helm starts this much later on this release.
    #[track_caller]
    pub fn delay(&self, namespace: &str, release: &str, delay: Duration) {
        let seconds = delay.as_secs_f64().to_string();
        let file = self.file(&format!("delay.{namespace}.{release}"));
        fs::write(file, seconds).expect("a writable directory");
    }

    /// The next `times` runs on this release end with code 1 and these words, without helm.
    #[track_caller]
    pub fn fail(&self, namespace: &str, release: &str, times: usize, words: &str) {
        let failures = self.file(&format!("fail.{namespace}.{release}"));
        fs::create_dir_all(&failures).expect("a writable directory");
        for number in 0..times {
            let failure = failures.join(number.to_string());
            fs::write(failure, format!("{words}\n")).expect("a writable directory");
        }
    }

    /// Kills the helm that runs on this release, as the kernel does when memory is short.
    #[track_caller]
    pub fn kill_helm(&self, release: &str) {
        let call = self.await_call(&format!("helm at work on {release}"), |call| {
            call.release == release && call.helm.is_some() && call.ended.is_none()
        });
        let helm = call.helm.expect("its id was recorded");
        process::run_ok("sh", &["-c", &format!("kill -KILL {helm}")]);
    }

    /// Kills every run at once that this process has started, helm and script: what a power cut leaves, not what a
    /// signal to the controller does.
    #[track_caller]
    pub fn kill_all(&self, parent: u32) {
        // one that was just started is not in the record yet
        let gone = poll(DEADLINE, || {
            let running = self.running_of(parent);
            for call in &running {
                // one may end by itself meanwhile
                let mut kill = Command::new("sh");
                kill.args(["-c", &format!("kill -KILL {}", call.pid)]);
                process::run(kill, b"", DEADLINE);
            }
            running.is_empty().then_some(())
        });
        assert!(gone.is_some(), "helm cannot be killed");
    }

    #[track_caller]
    fn hold(&self, when: &'static str, namespace: &str, release: &str) -> Hold {
        let file = self.file(&format!("{when}.{namespace}.{release}"));
        fs::write(&file, "").expect("a writable directory");
        Hold {
            file,
            when,
            namespace: namespace.to_owned(),
            release: release.to_owned(),
            record: self.file("calls"),
        }
    }

    fn running_of(&self, parent: u32) -> Vec<HelmCall> {
        let mut calls = self.all_calls();
        calls.retain(|call| call.parent == parent && call.is_running());
        calls
    }

    fn record(&self) -> String {
        read(&self.file("calls"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Runs on a release wait while this exists.
pub struct Hold {
    file: PathBuf,
    when: &'static str,
    namespace: String,
    release: String,
    record: PathBuf,
}

impl Hold {
    /// Waits until a run is held.
    #[track_caller]
    pub fn await_held(&self) -> HelmCall {
        let held = poll(DEADLINE, || {
            let calls = record::calls(&read(&self.record));
            calls.into_iter().find(|call| {
                call.held.as_deref() == Some(self.when)
                    && call.namespace == self.namespace
                    && call.release == self.release
                    && call.is_running()
            })
        });
        held.unwrap_or_else(|| {
            panic!(
                "no helm came to the hold {} of {} within {DEADLINE:?}",
                self.when, self.release
            )
        })
    }

    /// Lets runs go on.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        fs::remove_file(&self.file).ok();
    }
}

/// The record so far; empty before the first run.
fn read(record: &Path) -> String {
    fs::read_to_string(record).unwrap_or_default()
}
