//! Programs that run beside the tests, and that do not outlive the test process, however that ends.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::process;
use super::tools;

/// When its input ends, the test process is gone: the shell kills those that the last line names and removes the
/// directories. Statics are never dropped, so this is how the shared control plane ends.
const GUARD: &str = r#"
    pids=
    while read -r line; do pids=$line; done
    kill -KILL $pids
    for try in 1 2 3 4 5; do rm -rf "$@" && break; done
"#;

/// Running programs of the control plane, each with a log. Dropping this kills them.
pub struct Daemons {
    directory: PathBuf,
    kubernetes: String,
    running: Vec<Daemon>,
    guard: Child,
}

struct Daemon {
    program: &'static str,
    flags: Vec<String>,
    child: Child,
    stopped: bool,
}

impl Daemons {
    /// None yet; they will work in this directory, and with what is in the other. Those of Kubernetes are of this version.
    #[track_caller]
    pub fn new(directory: &Path, certificates: &Path, kubernetes: &str) -> Daemons {
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
            kubernetes: kubernetes.to_owned(),
            running: Vec::new(),
            guard,
        }
    }

    /// Starts a program of the control plane; what it says goes to its log.
    #[track_caller]
    pub fn start(&mut self, program: &'static str, flags: &[(&str, &str)]) {
        let flags: Vec<String> = flags
            .iter()
            .map(|(name, value)| format!("--{name}={value}"))
            .collect();
        let child = self.spawn(program, &flags);
        self.running.push(Daemon {
            program,
            flags,
            child,
            stopped: false,
        });
        self.tell_guard();
    }

    /// Kills a program, as a power cut does, and waits until it is gone.
    #[track_caller]
    pub fn stop(&mut self, program: &str) {
        let daemon = self.daemon(program);
        daemon.child.kill().expect("it runs");
        daemon.child.wait().expect("a child can be waited for");
        daemon.stopped = true;
        // its id may soon be that of another
        self.tell_guard();
    }

    /// Starts a stopped program with the flags it had.
    #[track_caller]
    pub fn start_again(&mut self, program: &'static str) {
        let flags = self.daemon(program).flags.clone();
        let child = self.spawn(program, &flags);
        let daemon = self.daemon(program);
        daemon.child = child;
        daemon.stopped = false;
        self.tell_guard();
    }

    /// From now on what is started of Kubernetes is of this version.
    pub fn choose_kubernetes(&mut self, version: &str) {
        self.kubernetes = version.to_owned();
    }

    /// Sends a signal, such as `STOP` or `CONT`, to a program.
    #[track_caller]
    pub fn signal(&mut self, program: &str, name: &str) {
        let kill = format!("kill -{name} {}", self.daemon(program).child.id());
        process::run_ok("sh", &["-c", &kill]);
    }

    /// Whether one of them has ended by itself.
    pub fn any_ended(&mut self) -> bool {
        self.running
            .iter_mut()
            .any(|daemon| !daemon.stopped && matches!(daemon.child.try_wait(), Ok(Some(_))))
    }

    /// The last lines that each has logged.
    pub fn ends_of_logs(&self) -> String {
        let end = |daemon: &Daemon| {
            let log = fs::read(self.log(daemon.program)).unwrap_or_default();
            let text = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = text.lines().collect();
            let end = &lines[lines.len().saturating_sub(15)..];
            format!("--- {}\n{}\n", daemon.program, end.join("\n"))
        };
        self.running.iter().map(end).collect()
    }

    #[track_caller]
    fn spawn(&self, program: &'static str, flags: &[String]) -> Child {
        let mut log = File::options();
        let log = log.create(true).append(true).open(self.log(program));
        let log = log.expect("a log file");
        let path = match program {
            "etcd" => tools::control_plane(program),
            _ => tools::kubernetes(&self.kubernetes, program),
        };
        Command::new(path)
            // a fixed world: nobody's ETCD_NAME or KUBECONFIG reaches it
            .env_clear()
            .env("HOME", &self.directory)
            .args(flags)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("could not run {program}: {error}"))
    }

    #[track_caller]
    fn daemon(&mut self, program: &str) -> &mut Daemon {
        let mut daemons = self.running.iter_mut();
        let found = daemons.find(|daemon| daemon.program == program);
        found.unwrap_or_else(|| panic!("{program} was never started"))
    }

    fn tell_guard(&mut self) {
        let running = self.running.iter().filter(|daemon| !daemon.stopped);
        let ids: Vec<String> = running
            .map(|daemon| daemon.child.id().to_string())
            .collect();
        let guard = self.guard.stdin.as_mut().expect("stdin is piped");
        writeln!(guard, "{}", ids.join(" ")).expect("the guard listens");
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
        for daemon in self.running.iter_mut().rev() {
            daemon.child.kill().ok();
        }
        for daemon in &mut self.running {
            daemon.child.wait().ok();
        }
    }
}
