//! The part of a node that hooks need: their Jobs' containers are run, with the real program, outside of any pod.

use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use super::container;
use crate::support::control_plane::ControlPlane;
use crate::support::kubelet::Kubelet;
use crate::support::process::{self, Finished};
use crate::support::server::binary;

/// How long a hook may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(240);

/// Runs Jobs with the real program, outside of any pod.
#[derive(Clone, Default)]
pub struct Jobs {
    record: Arc<Mutex<Vec<(String, Finished)>>>,
    /// As if the image could not be pulled.
    fail: bool,
}

impl Jobs {
    pub fn failing() -> Jobs {
        Jobs {
            fail: true,
            ..Jobs::default()
        }
    }

    pub fn record(&self) -> MutexGuard<'_, Vec<(String, Finished)>> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of the Jobs that were run, each with what it printed.
    pub fn said(&self) -> Vec<(String, String)> {
        let record = self.record();
        let said = record
            .iter()
            .map(|(name, run)| (name.clone(), run.stdout()));
        said.collect()
    }

    /// In this namespace, until the answer is dropped.
    pub fn run_on(&self, plane: &ControlPlane, namespace: &str) -> Node {
        let (jobs, kubelet) = (self.clone(), Kubelet::of(plane, namespace));
        let (api, kubeconfig) = (plane.api().clone(), plane.kubeconfig());
        let path = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
        let (stop, stopped) = channel::<()>();
        let thread = std::thread::spawn(move || {
            let mut done: Vec<Value> = Vec::new();
            let pause = Duration::from_millis(50);
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                for job in api.list(&path) {
                    let uid = job["metadata"]["uid"].clone();
                    let is_over = !job["metadata"]["deletionTimestamp"].is_null()
                        || !job["status"]["conditions"].is_null();
                    if done.contains(&uid) || is_over {
                        continue;
                    }
                    done.push(uid);
                    let name = job["metadata"]["name"].as_str().expect("a name").to_owned();
                    let words = container(&job)["args"].as_array().expect("words").clone();
                    let mut command = Command::new(binary());
                    command.env_clear().env("KUBECONFIG", &kubeconfig);
                    command.args(words.iter().map(|word| word.as_str().expect("a word")));
                    let run = process::run(command, b"", DEADLINE);
                    kubelet.finish_job(&name, run.status.success() && !jobs.fail);
                    jobs.record().push((name, run));
                }
            }
        });
        Node {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

/// While this exists, Jobs are run.
pub struct Node {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let outcome = thread.join();
            assert!(
                outcome.is_ok() || std::thread::panicking(),
                "a Job could not be run"
            );
        }
    }
}
