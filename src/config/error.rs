//! Why a configuration is invalid: each error is one sentence that says what was given and what would be accepted.

use std::io;
use std::path::PathBuf;

use crate::config::options::Opt;
use crate::yaml::YamlError;

/// Where a value came from, strongest last (docs/chartmuseum.md 8.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The default.
    Default,
    /// The config file at this path.
    File(PathBuf),
    /// The environment.
    Environment,
    /// The command line.
    CommandLine,
}

/// An option, named as it was set: by flag, environment variable or config key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The option.
    pub option: &'static Opt,
    /// Its source.
    pub source: Source,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.source {
            Source::Default | Source::CommandLine => write!(f, "--{}", self.option.flag),
            Source::Environment => write!(f, "environment variable {}", self.option.env),
            Source::File(path) => {
                write!(f, "{} in config file {}", self.option.key, path.display())
            }
        }
    }
}

/// Why a configuration is invalid. The capitalised texts are ChartMuseum's own (docs/chartmuseum.md 8.1).
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Arguments or environment are not UTF-8.
    #[error("{0} is not UTF-8 text")]
    NotUtf8(String),
    /// An invalid value.
    #[error("{origin}: {value} {rule}")]
    BadValue {
        /// Its source.
        origin: Origin,
        /// What was given, quoted; a secret is not repeated.
        value: String,
        /// What is accepted, as the end of the sentence.
        rule: &'static str,
    },
    /// The config file does not exist.
    #[error("config file not found: {}", .0.display())]
    FileNotFound(PathBuf),
    /// The config file is named as something else than YAML.
    #[error("config file must have .yaml/.yml extension (or no extension)")]
    FileExtension,
    /// The config file cannot be read.
    #[error("config file {} cannot be read", .path.display())]
    FileUnreadable {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The config file is not YAML.
    #[error("config file {} is not usable", .path.display())]
    FileSyntax {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        source: YamlError,
    },
    /// The config file does not hold options by name.
    #[error("config file {} must hold keys and values", .0.display())]
    FileShape(PathBuf),
    /// The config file names an option twice, in different spellings, so that neither can be preferred.
    #[error("config file {} sets {key} twice", .path.display())]
    FileRepeats {
        /// Its path.
        path: PathBuf,
        /// The option's config key.
        key: String,
    },
    /// The controller runs alone and no repository is named.
    #[error(
        "chartroom controller serves no charts itself; write --repository-url http://HOST:PORT or set CHARTMUSEUM_URL, \
         or run both halves by chartroom --controller"
    )]
    NoRepository,
    /// Options without which nothing can start.
    #[error("Missing required flags(s): {}", .0.join(", "))]
    MissingFlags(Vec<&'static str>),
    /// An unknown storage backend.
    #[error("Unsupported storage backend: {0}")]
    UnsupportedStorage(String),
    /// An unknown cache store.
    #[error("Unsupported cache store: {0}")]
    UnsupportedCache(String),
    /// A feature of ChartMuseum that this version does not have.
    #[error("{origin}: this version has no {feature} yet; {instead}")]
    NotBuilt {
        /// The option that requests it.
        origin: Origin,
        /// What was asked for.
        feature: String,
        /// What to do meanwhile.
        instead: &'static str,
    },
    /// Half of a pair of options that make sense only together.
    #[error("{given} is set but --{missing} is not; {feature} needs both")]
    HalfOfPair {
        /// The half that is set.
        given: Origin,
        /// The half that is not.
        missing: &'static str,
        /// What the pair turns on.
        feature: &'static str,
    },
}
