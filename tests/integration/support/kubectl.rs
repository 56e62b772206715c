//! The real `kubectl`, as the administrator of a control plane, in one namespace.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::process::{self, Finished};
use super::tools;

/// How long something may take to become so.
const DEADLINE: Duration = Duration::from_secs(30);

/// kubectl in one namespace of one cluster.
pub struct Kubectl {
    binary: PathBuf,
    kubeconfig: PathBuf,
    namespace: String,
}

impl Kubectl {
    #[track_caller]
    pub fn new(kubeconfig: &Path, namespace: &str) -> Kubectl {
        Kubectl {
            binary: tools::control_plane("kubectl"),
            kubeconfig: kubeconfig.to_owned(),
            namespace: namespace.to_owned(),
        }
    }

    /// The namespace of everything that names none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Runs kubectl with these arguments and this standard input.
    #[track_caller]
    pub fn run(&self, arguments: &[&str], input: &str) -> Finished {
        let mut command = Command::new(&self.binary);
        let home = self.kubeconfig.parent().expect("it lies in a directory");
        command
            .env_clear()
            .env("HOME", home)
            .env("KUBECONFIG", &self.kubeconfig)
            .current_dir(home)
            .arg("--namespace")
            .arg(&self.namespace)
            .args(arguments);
        // kubectl before 1.30 takes whatever begins with a brace for JSON, YAML's flow style too; raw is as it is
        let is_flow = input.starts_with('{') && !arguments.contains(&"--raw");
        let mark = if is_flow { "---\n" } else { "" };
        let input = format!("{mark}{input}");
        process::run(command, input.as_bytes(), Duration::from_secs(60))
    }

    /// Runs kubectl, which must succeed; returns its standard output.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments, "").succeeded().stdout()
    }

    /// An object, or a list of them, as JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.ok(&[arguments, &["--output=json"]].concat());
        serde_json::from_str(&text).expect("kubectl prints JSON")
    }

    /// The ordinary apply of this manifest, which drops nulls wherever they are.
    #[track_caller]
    pub fn apply(&self, manifest: &str) -> Finished {
        self.run(&["apply", "--filename=-"], manifest)
    }

    /// Server-side apply of this manifest.
    #[track_caller]
    pub fn apply_server_side(&self, manifest: &str) -> Finished {
        self.run(&["apply", "--server-side", "--filename=-"], manifest)
    }

    /// Runs kubectl again and again until it succeeds and `holds` says yes to its output, which is returned.
    #[track_caller]
    pub fn eventually(&self, arguments: &[&str], holds: impl Fn(&str) -> bool) -> String {
        self.await_answer(arguments, |answer| {
            answer.status.success() && holds(&answer.stdout())
        })
        .stdout()
    }

    /// Runs kubectl again and again until `holds` says yes to how it ended.
    #[track_caller]
    pub fn await_answer(&self, arguments: &[&str], holds: impl Fn(&Finished) -> bool) -> Finished {
        let end = Instant::now() + DEADLINE;
        loop {
            let answer = self.run(arguments, "");
            if holds(&answer) {
                return answer;
            }
            assert!(
                Instant::now() < end,
                "within {DEADLINE:?} it did not come to be: {answer}"
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
}
