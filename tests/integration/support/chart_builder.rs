//! Charts made of bytes: a package or a chart directory from a few words.

mod contents;

use std::fs;
use std::path::{Path, PathBuf};

pub use self::contents::Hook;
use super::tar::Tar;

/// A chart to be packaged. The same builder gives the same bytes each time.
#[derive(Clone)]
pub struct ChartBuilder {
    name: String,
    version: String,
    chart_yaml: Option<Vec<u8>>,
    more_yaml: String,
    files: Vec<(String, Vec<u8>)>,
}

impl ChartBuilder {
    /// A small chart that installs one ConfigMap.
    pub fn new(name: &str, version: &str) -> ChartBuilder {
        let config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-{{ .Chart.Name }}\n\
                          data:\n  greeting: {{ .Values.greeting | quote }}\n  version: {{ .Chart.Version | quote }}\n";
        ChartBuilder {
            name: name.to_owned(),
            version: version.to_owned(),
            chart_yaml: None,
            more_yaml: String::new(),
            files: vec![
                (
                    "values.yaml".to_owned(),
                    format!("# of {name}\ngreeting: hello\n").into_bytes(),
                ),
                ("templates/configmap.yaml".to_owned(), config_map.into()),
            ],
        }
    }

    /// The whole text of `Chart.yaml`, in place of the made one.
    pub fn chart_yaml(mut self, text: impl Into<Vec<u8>>) -> ChartBuilder {
        self.chart_yaml = Some(text.into());
        self
    }

    /// Further lines at the end of the made `Chart.yaml`, such as `deprecated: true`.
    pub fn more_yaml(mut self, lines: &str) -> ChartBuilder {
        self.more_yaml += lines;
        self.more_yaml += "\n";
        self
    }

    /// Charts this one depends on: name, version range, repository URL.
    pub fn dependencies(self, dependencies: &[(&str, &str, &str)]) -> ChartBuilder {
        let mut lines = "dependencies:".to_owned();
        for (name, version, repository) in dependencies {
            lines += &format!(
                "\n- name: {name:?}\n  version: {version:?}\n  repository: {repository:?}"
            );
        }
        self.more_yaml(&lines)
    }

    /// A file of the chart by its path in it; one with the same path is replaced.
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> ChartBuilder {
        self.files.retain(|(existing, _)| existing != path);
        self.files.push((path.to_owned(), content.into()));
        self
    }

    /// Leaves a file out.
    pub fn without(mut self, path: &str) -> ChartBuilder {
        self.files.retain(|(existing, _)| existing != path);
        self
    }

    /// The name of its package in a repository.
    pub fn file_name(&self) -> String {
        format!("{}-{}.tgz", self.name, self.version)
    }

    /// The `.tgz`.
    pub fn package(&self) -> Vec<u8> {
        let mut tar = Tar::new();
        for (path, content) in self.all_files() {
            tar = tar.file(&format!("{}/{path}", self.name), &content);
        }
        tar.gzip()
    }

    /// Writes the chart's directory below `parent` and returns its path.
    pub fn write_directory(&self, parent: &Path) -> PathBuf {
        let directory = parent.join(&self.name);
        for (path, content) in self.all_files() {
            let file = directory.join(path);
            fs::create_dir_all(file.parent().expect("a file in the chart"))
                .expect("a writable directory");
            fs::write(file, content).expect("a writable directory");
        }
        directory
    }

    fn all_files(&self) -> Vec<(String, Vec<u8>)> {
        let made = format!(
            "apiVersion: v2\nname: {:?}\nversion: {:?}\ndescription: A chart of the tests\ntype: application\n\
             appVersion: \"2.0\"\n{}",
            self.name, self.version, self.more_yaml
        );
        let chart_yaml = self.chart_yaml.clone().unwrap_or_else(|| made.into_bytes());
        let mut files = vec![("Chart.yaml".to_owned(), chart_yaml)];
        files.extend(self.files.iter().cloned());
        files
    }
}

/// The lowercase hex SHA-256 of bytes, as the index writes it.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A provenance file for a package, with a signature that nobody has made: servers do not verify it.
pub fn unsigned_provenance(name: &str, version: &str, package: &[u8]) -> String {
    format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\napiVersion: v2\nname: {name}\nversion: {version}\n\n...\n\
         files:\n  {name}-{version}.tgz: sha256:{}\n-----BEGIN PGP SIGNATURE-----\n\nwsBcBAEBCgAQ\n=AAAA\n\
         -----END PGP SIGNATURE-----\n",
        sha256_hex(package)
    )
}
