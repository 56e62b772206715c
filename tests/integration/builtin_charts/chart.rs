//! A chart's directory: what its `Chart.yaml` says, and the values it is rendered with.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chartroom::yaml;
use serde_json::Value;

/// One directory of `builtin-charts/`.
pub struct Chart {
    pub name: String,
    pub directory: PathBuf,
    /// `Chart.yaml`.
    pub metadata: Value,
}

/// Where they are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("builtin-charts")
}

/// All of them, by name.
#[track_caller]
pub fn charts() -> Vec<Chart> {
    let entries = fs::read_dir(folder()).expect("builtin-charts/ is a directory");
    let mut directories: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable directory").path())
        .filter(|path| path.join("Chart.yaml").is_file())
        .collect();
    directories.sort();
    assert!(!directories.is_empty(), "builtin-charts/ is empty");
    directories.into_iter().map(Chart::at).collect()
}

impl Chart {
    #[track_caller]
    fn at(directory: PathBuf) -> Chart {
        let metadata = read_yaml(&directory.join("Chart.yaml"));
        let name = directory.file_name().and_then(|name| name.to_str());
        let name = name.expect("a name in UTF-8").to_owned();
        assert_eq!(
            metadata["name"], name,
            "the directory is called as the chart"
        );
        Chart {
            name,
            directory,
            metadata,
        }
    }

    /// The directory as an argument.
    pub fn path(&self) -> &str {
        self.directory.to_str().expect("a path in UTF-8")
    }

    /// A chart that is nothing but requirements.
    pub fn is_umbrella(&self) -> bool {
        self.name.ends_with("-stack")
    }

    /// `values.yaml`.
    #[track_caller]
    pub fn values(&self) -> Value {
        read_yaml(&self.directory.join("values.yaml"))
    }

    /// A file of the chart.
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        let path = self.directory.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// All files in `templates/`, one after the other.
    #[track_caller]
    pub fn templates(&self) -> String {
        let entries = fs::read_dir(self.directory.join("templates")).expect("templates");
        let paths = entries.map(|entry| entry.expect("a readable directory").path());
        paths
            .map(|path| fs::read_to_string(path).expect("a template"))
            .collect()
    }

    /// An annotation that holds YAML.
    #[track_caller]
    pub fn annotation(&self, name: &str) -> Value {
        let text = self.metadata["annotations"][name].as_str();
        let text = text.unwrap_or_else(|| panic!("{} has no annotation {name}", self.name));
        parse(text.as_bytes(), name)
    }

    /// The images that the annotation names.
    #[track_caller]
    pub fn images(&self) -> BTreeSet<String> {
        let list = self.annotation("helm.sh/images");
        let list = list.as_array().expect("helm.sh/images is a list").iter();
        list.map(|entry| entry["image"].as_str().expect("an image").to_owned())
            .collect()
    }

    /// The values that it is rendered with, as arguments for helm: none, and each `ci/*-values.yaml`.
    #[track_caller]
    pub fn choices(&self) -> Vec<Vec<String>> {
        let mut files = Vec::new();
        if let Ok(entries) = fs::read_dir(self.directory.join("ci")) {
            let paths = entries.map(|entry| entry.expect("a readable directory").path());
            files.extend(paths.map(|path| path.display().to_string()));
        }
        files.retain(|path| path.ends_with("-values.yaml"));
        files.sort();
        // what is optional is seen by no test otherwise
        assert!(
            self.is_umbrella() || !files.is_empty(),
            "{} has no ci/everything-values.yaml",
            self.name
        );
        let files = files
            .into_iter()
            .map(|path| vec![format!("--values={path}")]);
        [Vec::new()].into_iter().chain(files).collect()
    }
}

#[track_caller]
fn read_yaml(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parse(&text, &path.display().to_string())
}

#[track_caller]
fn parse(text: &[u8], what: &str) -> Value {
    let read = yaml::parse(text, yaml::Limits::default());
    read.unwrap_or_else(|error| panic!("{what}: {error}"))
        .to_json()
}
