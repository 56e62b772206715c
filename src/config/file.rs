//! The config file: YAML bytes in, values by dotted lower-case key out (docs/chartmuseum.md 8.1).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{ffi::OsStr, io};

use crate::config::error::ConfigError;
use crate::config::options::OPTIONS;
use crate::yaml::{self, Limits, Yaml};

/// More than any config file holds; what exceeds it is not a config file.
const LIMITS: Limits = Limits {
    nodes: 10_000,
    depth: 32,
};

/// A config file that was read.
#[derive(Debug)]
pub struct ConfigFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it sets, by the config key of the table.
    pub values: BTreeMap<&'static str, Yaml>,
    /// Keys that no option has, as dotted paths in the file's spelling.
    pub unknown: Vec<String>,
}

impl ConfigFile {
    /// Reads the file at `path`. Keys may be nested, dotted or both, in any case; empty values count as absent.
    pub fn read(
        path: &Path,
        read_file: impl Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Self, ConfigError> {
        let bytes = match read_file(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ConfigError::FileNotFound(path.to_owned()));
            }
            Err(source) => {
                return Err(ConfigError::FileUnreadable {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let extension = path.extension().and_then(OsStr::to_str);
        if !matches!(extension, None | Some("yaml" | "yml")) {
            return Err(ConfigError::FileExtension);
        }
        let tree = yaml::parse(&bytes, LIMITS).map_err(|source| ConfigError::FileSyntax {
            path: path.to_owned(),
            source,
        })?;
        Self::from_tree(path, tree)
    }

    fn from_tree(path: &Path, tree: Yaml) -> Result<Self, ConfigError> {
        let mut file = Self {
            path: path.to_owned(),
            values: BTreeMap::new(),
            unknown: Vec::new(),
        };
        match tree {
            Yaml::Null => {}
            Yaml::Mapping(entries) => file.collect("", entries)?,
            _ => return Err(ConfigError::FileShape(path.to_owned())),
        }
        Ok(file)
    }

    fn collect(
        &mut self,
        prefix: &str,
        entries: BTreeMap<String, Yaml>,
    ) -> Result<(), ConfigError> {
        for (name, value) in entries {
            let dotted = format!("{prefix}{name}");
            let lower = dotted.to_lowercase();
            let option = OPTIONS
                .iter()
                .find(|option| !option.key.is_empty() && option.key == lower);
            match (option, value) {
                (_, Yaml::Null) => {}
                (Some(option), value) => {
                    if self.values.insert(option.key, value).is_some() {
                        return Err(ConfigError::FileRepeats {
                            path: self.path.clone(),
                            key: lower,
                        });
                    }
                }
                (None, Yaml::Mapping(entries)) => self.collect(&format!("{dotted}."), entries)?,
                (None, _) => self.unknown.push(dotted),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Yaml)]) -> Yaml {
        Yaml::Mapping(
            entries
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        )
    }

    fn text(text: &str) -> Yaml {
        Yaml::String(text.to_owned())
    }

    fn tree(tree: Yaml) -> Result<ConfigFile, ConfigError> {
        ConfigFile::from_tree(Path::new("c.yaml"), tree)
    }

    #[test]
    fn a_key_may_be_flat_nested_or_both_in_any_case() {
        let spellings = [
            map(&[("storage.local.rootdir", text("d"))]),
            map(&[("storage", map(&[("local", map(&[("rootdir", text("d"))]))]))]),
            map(&[("storage.local", map(&[("rootdir", text("d"))]))]),
            map(&[("Storage", map(&[("Local.RootDir", text("d"))]))]),
        ];
        for spelling in spellings {
            let file = tree(spelling).unwrap();
            assert_eq!(
                file.values,
                BTreeMap::from([("storage.local.rootdir", text("d"))])
            );
            assert_eq!(file.unknown, [""; 0]);
        }
    }

    #[test]
    fn unknown_keys_are_kept_aside() {
        let file = tree(map(&[
            (
                "Deep",
                map(&[("Down", Yaml::Int(1)), ("empty", Yaml::Null)]),
            ),
            ("config", text("x")),
            ("debug", Yaml::Bool(true)),
            ("storage", text("local")),
        ]))
        .unwrap();
        assert_eq!(file.unknown, ["Deep.Down", "config", "storage"]);
        assert_eq!(file.values.len(), 1);
    }

    #[test]
    fn an_empty_value_is_no_value_and_an_empty_file_is_fine() {
        assert!(
            tree(map(&[("port", Yaml::Null)]))
                .unwrap()
                .values
                .is_empty()
        );
        assert!(tree(Yaml::Null).unwrap().values.is_empty());
    }

    #[test]
    fn one_option_in_two_spellings_is_refused() {
        let both = map(&[("Debug", Yaml::Bool(true)), ("debug", Yaml::Bool(false))]);
        assert_eq!(
            tree(both).unwrap_err().to_string(),
            "config file c.yaml sets debug twice"
        );
    }

    #[test]
    fn a_list_is_not_a_config_file() {
        let error = tree(Yaml::Sequence(vec![])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "config file c.yaml must hold keys and values"
        );
    }

    #[test]
    fn a_file_is_refused_by_its_absence_then_its_name() {
        let absent = |_: &Path| Err(io::ErrorKind::NotFound.into());
        let locked = |_: &Path| Err(io::ErrorKind::PermissionDenied.into());
        let present = |_: &Path| Ok(Vec::new());
        let refusal = |path, read: &dyn Fn(&Path) -> io::Result<Vec<u8>>| {
            ConfigFile::read(Path::new(path), read)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refusal("/etc/a.yaml", &absent),
            "config file not found: /etc/a.yaml"
        );
        assert_eq!(refusal("a.md", &absent), "config file not found: a.md");
        assert_eq!(
            refusal("a.yaml", &locked),
            "config file a.yaml cannot be read"
        );
        for path in ["a.md", "a.json", "a.yaml.bak", "a.YAML"] {
            assert_eq!(
                refusal(path, &present),
                "config file must have .yaml/.yml extension (or no extension)"
            );
        }
    }
}
