//! What the network asks the world: charts in the repository, releases that no Component owns.

use crate::chart::version::Version;

/// Answers that were fetched before (see [`super::Network::questions`]).
pub trait Supply {
    /// The versions of a chart, text and precedence, newest first. `None`: not known yet, or the repository cannot be
    /// reached. Empty: it has no such chart.
    fn versions(&self, chart: &str) -> Option<&[(String, Version)]>;

    /// The chart version of a deployed release in `namespace` that no Component owns and whose chart, or which itself,
    /// has the name `name`.
    fn external(&self, namespace: &str, name: &str) -> Option<&str>;
}

/// Something that a [`Supply`] should know before [`super::Network::gate`] is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// Argument of [`Supply::versions`]; empty if versions are not asked for.
    pub chart: String,
    /// First argument of [`Supply::external`].
    pub namespace: String,
    /// Second argument of [`Supply::external`]; empty if releases are not asked for.
    pub name: String,
}
