//! What a controller is started with.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use super::super::helm::HELM;
use super::super::server::binary;
use super::{ControlPlane, Controller, HelmWrapper};

/// Arguments, environment, storage, and the helm between.
///
/// A free port is asked for wherever one is needed; `--log-json` is always given.
#[derive(Clone)]
pub struct ControllerOptions {
    namespace: String,
    kubeconfig: PathBuf,
    wrapper: Arc<HelmWrapper>,
    storage: Arc<TempDir>,
    program: PathBuf,
    leader_elect: bool,
    /// The repository of a controller alone.
    repository: Option<String>,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl ControllerOptions {
    #[track_caller]
    pub(super) fn new(plane: &ControlPlane, namespace: &str) -> ControllerOptions {
        ControllerOptions {
            namespace: namespace.to_owned(),
            kubeconfig: plane.kubeconfig(),
            wrapper: Arc::new(HelmWrapper::new(HELM)),
            storage: Arc::new(TempDir::new().expect("a temporary directory")),
            program: binary(),
            leader_elect: false,
            repository: None,
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// One more argument, such as `--concurrency=1`.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// An environment variable. The test runner's own environment does not reach the controller.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let value = value.as_ref().to_owned();
        self.environment.push((name.into(), value));
        self
    }

    /// `chartroom controller`, with the repository at this URL, such as that of a `TestServer`.
    pub fn alone(mut self, repository: &str) -> Self {
        self.repository = Some(repository.to_owned());
        self
    }

    /// Another program in the place of ours.
    pub fn program(mut self, program: &Path) -> Self {
        self.program = program.to_owned();
        self
    }

    /// Another user than the administrator.
    pub fn kubeconfig(mut self, kubeconfig: &Path) -> Self {
        self.kubeconfig = kubeconfig.to_owned();
        self
    }

    /// Elects a leader by a Lease in the namespace of the Components. Without this there is no election.
    pub fn leader_elect(mut self) -> Self {
        self.leader_elect = true;
        self
    }

    /// Another helm than the image's, such as `4.1.4`.
    #[track_caller]
    pub fn helm(mut self, version: &str) -> Self {
        self.wrapper = Arc::new(HelmWrapper::new(version));
        self
    }

    /// The script around helm, to give it holds before the start.
    pub fn wrapper(&self) -> &HelmWrapper {
        &self.wrapper
    }

    /// The directory with the repository's uploads.
    pub fn storage(&self) -> &Path {
        self.storage.path()
    }

    /// Starts the controller and waits until its repository listens, or its probes do if it has none.
    #[track_caller]
    pub fn start(self) -> Controller {
        let world = TempDir::new().expect("a temporary directory");
        Controller::spawn(self, world)
    }

    pub(super) fn is_alone(&self) -> bool {
        self.repository.is_some()
    }

    pub(super) fn title(&self) -> String {
        format!("the controller of {}", self.namespace)
    }

    pub(super) fn command(&self, world: &Path) -> Command {
        let mut command = Command::new(&self.program);
        // a fixed world: nobody's KUBECONFIG reaches the controller under test
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", world)
            .env("TZ", "UTC")
            .env("RUST_BACKTRACE", "1")
            // the tests' own repositories are on loopback
            .env("ALLOWED_REPOSITORIES", "*")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(world);
        match &self.repository {
            Some(url) => command
                .arg("controller")
                .arg(format!("--repository-url={url}")),
            None => command
                .args(["--controller", "--port=0", "--listen-host=127.0.0.1"])
                .arg("--storage=local")
                .arg(joined("--storage-local-rootdir=", self.storage.path())),
        };
        command
            .args([
                "--log-json",
                "--metrics-bind-address=127.0.0.1:0",
                "--health-probe-bind-address=127.0.0.1:0",
            ])
            .arg(format!("--leader-elect={}", self.leader_elect))
            .arg(format!("--leader-elect-namespace={}", self.namespace))
            .arg(format!("--watch-namespace={}", self.namespace))
            .arg(joined("--helm-binary=", &self.wrapper.path()))
            .arg(joined("--kubeconfig=", &self.kubeconfig))
            .arg(joined("--chart-cache-dir=", &world.join("cache")))
            .args(&self.arguments);
        command
    }
}

fn joined(flag: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(flag);
    argument.push(path);
    argument
}
