//! The real `helm` in several versions, each run in a home of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chartroom::yaml::{self, Limits};
use serde_json::Value;
use tempfile::TempDir;

use super::process::{self, Finished};
use super::tools;

/// The Helm of the image, which the controller runs: `HELM` of `tests/tools/versions`.
pub const HELM: &str = "4.3.1";
/// The last Helm 3: `HELM_3` there.
pub const HELM_3: &str = "3.22.0";
/// The versions that people have, the newest first.
pub const HELMS: [&str; 5] = [HELM, "4.1.4", HELM_3, "3.18.0", "3.10.1"];

/// A helm client of one version; its repositories, cache and data are this test's own.
pub struct Helm {
    version: &'static str,
    binary: PathBuf,
    home: TempDir,
    kubeconfig: PathBuf,
}

impl Helm {
    /// The client of this version, such as `3.18.0`, from the folder that `make test` fills.
    #[track_caller]
    pub fn new(version: &'static str) -> Helm {
        let home = TempDir::new().expect("a temporary directory");
        Helm {
            version,
            binary: tools::helm(version),
            kubeconfig: home.path().join("no-cluster"),
            home,
        }
    }

    /// The same client with a cluster to work on.
    pub fn on_cluster(mut self, kubeconfig: &Path) -> Helm {
        self.kubeconfig = kubeconfig.to_owned();
        self
    }

    /// Whether the client is of this major version or later.
    pub fn is_at_least(&self, major: u32, minor: u32) -> bool {
        let mut numbers = self
            .version
            .split('.')
            .map(|number| number.parse::<u32>().expect("a version"));
        (numbers.next(), numbers.next()) >= (Some(major), Some(minor))
    }

    /// Where it runs, and where `pull` and `package` leave their files.
    pub fn directory(&self) -> &Path {
        self.home.path()
    }

    /// Runs helm with these arguments; the environment holds no proxy.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Finished {
        process::run(self.command(arguments), b"", Duration::from_secs(120))
    }

    /// What `run` runs, to be run otherwise.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", self.directory())
            .current_dir(self.directory());
        for (name, folder) in [("CACHE", "cache"), ("CONFIG", "config"), ("DATA", "data")] {
            command.env(format!("HELM_{name}_HOME"), self.directory().join(folder));
        }
        command.env("KUBECONFIG", &self.kubeconfig).args(arguments);
        command
    }

    /// Runs helm, which must succeed; returns its standard output.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments).succeeded().stdout()
    }

    /// Runs helm, which must fail; returns its standard error.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str]) -> String {
        self.run(arguments).failed().stderr()
    }

    /// A file that helm has left in its directory.
    #[track_caller]
    pub fn read(&self, name: &str) -> Vec<u8> {
        let path = self.directory().join(name);
        std::fs::read(&path)
            .unwrap_or_else(|error| panic!("helm left no {}: {error}", path.display()))
    }
}

/// The objects of a manifest, such as `helm template` prints.
#[track_caller]
pub fn objects(manifest: &str) -> Vec<Value> {
    let limits = Limits {
        nodes: 1_000_000,
        depth: 200,
    };
    let documents = yaml::parse_all(manifest.as_bytes(), limits).expect("YAML");
    let objects = documents.iter().map(yaml::Yaml::to_json);
    objects.filter(|object| !object.is_null()).collect()
}
