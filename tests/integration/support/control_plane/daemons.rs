//! Programs that run beside the tests, and that do not outlive the test process, however that ends.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::tools;

/// When its input ends, the test process is gone: the shell kills what it was told of and removes the directories.
/// Statics are never dropped, so this is how the shared control plane ends.
const GUARD: &str = r#"
    pids=
    while read -r pid; do pids="$pids $pid"; done
    kill -KILL $pids
    for try in 1 2 3 4 5; do rm -rf "$@" && break; done
"#;

/// Running programs of the control plane, each with a log. Dropping this kills them.
pub struct Daemons {
    directory: PathBuf,
    running: Vec<(&'static str, Child)>,
    guard: Child,
}

impl Daemons {
    /// None yet; they will work in this directory, and with what is in the other.
    #[track_caller]
    pub fn new(directory: &Path, certificates: &Path) -> Daemons {
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .args([directory, certificates])
            // Ctrl-C ends the tests and not this
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs");
        Daemons {
            directory: directory.to_owned(),
            running: Vec::new(),
            guard,
        }
    }

    /// Starts a program of the control plane; what it says goes to its log.
    #[track_caller]
    pub fn start(&mut self, program: &'static str, flags: &[(&str, &str)]) {
        let log = File::create(self.log(program)).expect("a log file");
        let flags = flags
            .iter()
            .map(|(name, value)| format!("--{name}={value}"));
        let child = Command::new(tools::control_plane(program))
            // a fixed world: nobody's ETCD_NAME or KUBECONFIG reaches it
            .env_clear()
            .env("HOME", &self.directory)
            .args(flags)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("could not run {program}: {error}"));
        let pid = child.id();
        self.running.push((program, child));
        let guard = self.guard.stdin.as_mut().expect("stdin is piped");
        writeln!(guard, "{pid}").expect("the guard listens");
    }

    /// Whether one of them has ended by itself.
    pub fn any_ended(&mut self) -> bool {
        self.running
            .iter_mut()
            .any(|(_, child)| matches!(child.try_wait(), Ok(Some(_))))
    }

    /// The last lines that each has logged.
    pub fn ends_of_logs(&self) -> String {
        let end = |(program, _): &(&'static str, Child)| {
            let log = fs::read(self.log(program)).unwrap_or_default();
            let text = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = text.lines().collect();
            let end = &lines[lines.len().saturating_sub(15)..];
            format!("--- {program}\n{}\n", end.join("\n"))
        };
        self.running.iter().map(end).collect()
    }

    fn log(&self, program: &str) -> PathBuf {
        self.directory.join(format!("{program}.log"))
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        // nothing is left to be guarded: the ids may soon be those of others
        self.guard.kill().ok();
        self.guard.wait().ok();
        for (_, child) in self.running.iter_mut().rev() {
            child.kill().ok();
        }
        for (_, child) in &mut self.running {
            child.wait().ok();
        }
    }
}
