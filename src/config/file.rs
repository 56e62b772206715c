//! The config file: YAML bytes in, values by dotted lower-case key out (contract section 5.1).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{ffi::OsStr, io};

use crate::config::error::ConfigError;
use crate::config::options::OPTIONS;
use crate::yaml::{self, Limits, Yaml};

/// More than any config file holds; what exceeds it is not a config file.
const LIMITS: Limits = Limits { nodes: 10_000, depth: 32 };

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
    pub fn read(path: &Path, read_file: impl Fn(&Path) -> io::Result<Vec<u8>>) -> Result<Self, ConfigError> {
        let bytes = match read_file(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ConfigError::FileNotFound(path.to_owned()));
            }
            Err(source) => return Err(ConfigError::FileUnreadable { path: path.to_owned(), source }),
        };
        let extension = path.extension().and_then(OsStr::to_str);
        if !matches!(extension, None | Some("yaml" | "yml")) {
            return Err(ConfigError::FileExtension);
        }
        let tree = yaml::parse(&bytes, LIMITS)
            .map_err(|source| ConfigError::FileSyntax { path: path.to_owned(), source })?;
        Self::from_tree(path, tree)
    }

    fn from_tree(path: &Path, tree: Yaml) -> Result<Self, ConfigError> {
        let mut file = Self { path: path.to_owned(), values: BTreeMap::new(), unknown: Vec::new() };
        match tree {
            Yaml::Null => {}
            Yaml::Mapping(entries) => file.collect("", entries)?,
            _ => return Err(ConfigError::FileShape(path.to_owned())),
        }
        Ok(file)
    }

    fn collect(&mut self, prefix: &str, entries: BTreeMap<String, Yaml>) -> Result<(), ConfigError> {
        for (name, value) in entries {
            let dotted = format!("{prefix}{name}");
            let lower = dotted.to_lowercase();
            let option = OPTIONS.iter().find(|option| !option.key.is_empty() && option.key == lower);
            match (option, value) {
                (_, Yaml::Null) => {}
                (Some(option), value) => {
                    if self.values.insert(option.key, value).is_some() {
                        return Err(ConfigError::FileRepeats { path: self.path.clone(), key: lower });
                    }
                }
                (None, Yaml::Mapping(entries)) => self.collect(&format!("{dotted}."), entries)?,
                (None, _) => self.unknown.push(dotted),
            }
        }
        Ok(())
    }
}
