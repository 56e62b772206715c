//! The words after `plan`.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::config::arguments::{Invocation, Word, take_apart, text};
use crate::config::error::ConfigError;
use crate::config::suggest::nearest;

/// What `plan` is to read and how it is to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanArguments {
    /// Manifests: files, directories, `-` for standard input. At least one.
    pub files: Vec<PathBuf>,
    /// Directories of built-in charts (chart directories and packages).
    pub builtin_charts: Vec<PathBuf>,
    /// Directories of uploads.
    pub storage: Vec<PathBuf>,
    /// URLs of chart repositories; one may hold credentials.
    pub repositories: Vec<String>,
    /// The namespace of Components that name none.
    pub namespace: String,
    /// How the plan is printed.
    pub output: PlanOutput,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanOutput {
    /// A table, a tree and sentences.
    Text,
    /// One JSON object.
    Json,
}

impl PlanArguments {
    /// True if any source of charts is named.
    pub fn has_charts(&self) -> bool {
        !(self.builtin_charts.is_empty() && self.storage.is_empty() && self.repositories.is_empty())
    }
}

const FLAGS: [&str; 6] = [
    "builtin-charts",
    "storage-local-rootdir",
    "repository",
    "namespace",
    "output",
    "help",
];

/// Reads the words after `plan`.
pub(super) fn read_plan(
    mut args: impl Iterator<Item = OsString>,
) -> Result<Invocation, ConfigError> {
    let mut plan = PlanArguments {
        files: Vec::new(),
        builtin_charts: Vec::new(),
        storage: Vec::new(),
        repositories: Vec::new(),
        namespace: "default".to_owned(),
        output: PlanOutput::Text,
    };
    while let Some(arg) = args.next() {
        if arg == "--" {
            plan.files.extend(args.by_ref().map(PathBuf::from));
            break;
        }
        // a path need not be UTF-8
        let is_path = !arg.as_encoded_bytes().starts_with(b"-") || arg == "-";
        if is_path {
            plan.files.push(arg.into());
            continue;
        }
        let (typed, name, value) = match take_apart(arg)? {
            Word::Flag { typed, name, value } => (typed, name, value),
            Word::Plain(word) => (word.clone(), word, None),
        };
        let name = match name.as_str() {
            "n" => "namespace",
            "o" => "output",
            "h" => "help",
            other => other,
        };
        let Some(flag) = FLAGS.into_iter().find(|flag| *flag == name) else {
            return Err(unknown(&typed, name));
        };
        if flag == "help" {
            return Ok(Invocation::Help);
        }
        let value = match value {
            Some(value) => value.into(),
            None => args.next().ok_or(ConfigError::MissingValue(flag))?,
        };
        if value.is_empty() {
            return Err(ConfigError::MissingValue(flag));
        }
        match flag {
            "builtin-charts" => plan.builtin_charts.push(value.into()),
            "storage-local-rootdir" => plan.storage.push(value.into()),
            "repository" => plan.repositories.push(text(value)?),
            "namespace" => plan.namespace = text(value)?,
            _ => plan.output = output(&text(value)?)?,
        }
    }
    if plan.files.is_empty() {
        return Err(ConfigError::Plan("plan needs a manifest".to_owned()));
    }
    Ok(Invocation::Plan(plan))
}

fn output(text: &str) -> Result<PlanOutput, ConfigError> {
    match text {
        "text" => Ok(PlanOutput::Text),
        "json" => Ok(PlanOutput::Json),
        other => Err(ConfigError::Plan(format!(
            "--output is text or json, not {other:?}"
        ))),
    }
}

fn unknown(typed: &str, name: &str) -> ConfigError {
    let hint = match nearest(name, FLAGS.into_iter()) {
        Some(flag) => format!("did you mean --{flag}?"),
        None => format!("plan knows --{}", FLAGS.join(", --")),
    };
    ConfigError::UnknownFlag {
        given: typed.escape_debug().to_string(),
        hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Invocation, String> {
        read_plan(words.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn plan_takes_manifests_and_sources_of_charts() {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        let plain = PlanArguments {
            files: paths(&["a.yaml"]),
            builtin_charts: vec![],
            storage: vec![],
            repositories: vec![],
            namespace: "default".to_owned(),
            output: PlanOutput::Text,
        };
        assert!(!plain.has_charts());
        assert_eq!(read(&["a.yaml"]), Ok(Invocation::Plan(plain.clone())));
        let all = PlanArguments {
            files: paths(&["a.yaml", "-", "dir", "-x"]),
            builtin_charts: paths(&["b"]),
            storage: paths(&["s", "t"]),
            repositories: vec!["http://r".to_owned()],
            namespace: "apps".to_owned(),
            output: PlanOutput::Json,
        };
        assert!(all.has_charts());
        let words = [
            "a.yaml",
            "--builtin-charts",
            "b",
            "-storage-local-rootdir=s",
            "-",
            "--storage-local-rootdir=t",
            "-o",
            "json",
            "-n",
            "apps",
            "--repository=http://r",
            "dir",
            "--",
            "-x",
        ];
        assert_eq!(read(&words), Ok(Invocation::Plan(all)));
        assert_eq!(read(&["a.yaml", "--help"]), Ok(Invocation::Help));
        assert_eq!(read(&["-h"]), Ok(Invocation::Help));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_in_a_sentence() {
        let usage = "write chartroom plan [--repository URL] FILE…, or - for standard input";
        for (words, message) in [
            (&[][..], format!("plan needs a manifest; {usage}")),
            (&["--output=json"], format!("plan needs a manifest; {usage}")),
            (
                &["a", "--output", "xml"],
                format!("--output is text or json, not \"xml\"; {usage}"),
            ),
            (
                &["a", "--repositry=x"],
                "unknown flag --repositry; did you mean --repository?".to_owned(),
            ),
            (
                &["a", "--frobnicate"],
                "unknown flag --frobnicate; plan knows --builtin-charts, --storage-local-rootdir, --repository, \
                 --namespace, --output, --help"
                    .to_owned(),
            ),
            (&["a", "--repository"], "--repository needs a value".to_owned()),
            (&["a", "--repository="], "--repository needs a value".to_owned()),
        ] {
            assert_eq!(read(words), Err(message), "{words:?}");
        }
    }
}
