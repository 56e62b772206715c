//! The arguments of `chartroom plan`.

use std::path::PathBuf;

/// What `plan` reads, and how it prints.
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
    /// The most bytes of a repository's index.
    pub helm_index_max_size: u64,
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
