//! The definition of Components itself, brought to a cluster: `chartroom crd --apply`, which the chart runs before each
//! upgrade because Helm never updates what is in a chart's `crds` folder.

use std::fmt;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client, Config};
use tokio::time::{Instant, sleep};

use super::crds::{self, CrdsError};
use crate::chart::version::Version;
use crate::component::CrdsPolicy;
use crate::component::crd::{VERSION, yaml_for};

/// Its name.
const NAME: &str = "components.ext.theriseunion.io";
/// In whose name it is applied. Helm 4 applies the definitions of a chart that it installs in this name, and refuses to
/// where fields that it changes are another's.
const MANAGER: &str = "helm";
/// Pause before a server that could not be reached is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// What became of the definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// There was none.
    Created,
    /// There was one, and it changed.
    Updated,
    /// There was this one.
    Unchanged,
    /// That of a later version is there and stays: Components may have fields that only it knows.
    NewerStays(String),
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = env!("CARGO_PKG_VERSION");
        match self {
            Self::Created => write!(f, "{NAME} is created: version {own}, served"),
            Self::Updated => write!(f, "{NAME} is updated: version {own}, served"),
            Self::Unchanged => write!(f, "{NAME} was up to date: version {own}, served"),
            Self::NewerStays(version) => write!(
                f,
                "{NAME} is left as it is: it is of version {version}, this is {own}, and Components would lose the \
                 fields that only the newer one knows"
            ),
        }
    }
}

/// Why the definition is not there.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// There is no client for this cluster.
    #[error("the API server's address is not usable")]
    Client(#[source] kube::Error),
    /// The API server refused, could not be reached in time, or does not serve it.
    #[error("the definition of Components is not up to date{}", advice(.0))]
    Crds(#[source] CrdsError),
}

fn advice(error: &CrdsError) -> &'static str {
    match status(error) {
        Some(401 | 403) => {
            ": allow get, create and patch of customresourcedefinitions in apiextensions.k8s.io, or \
             apply it by hand: chartroom crd | kubectl apply --server-side -f -"
        }
        _ => "",
    }
}

/// Applies the definition of this version unless a newer one is there, and waits until it is served.
///
/// # Errors
/// The API server refuses, or cannot be reached or does not serve the definition within `timeout`.
pub async fn apply(cluster: Config, timeout: Duration) -> Result<Applied, DefinitionError> {
    let client = Client::try_from(cluster).map_err(DefinitionError::Client)?;
    let end = Instant::now() + timeout;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match apply_once(&client, left).await {
            Ok(applied) => return Ok(applied),
            Err(error) if is_passing(&error) && Instant::now() + AGAIN < end => sleep(AGAIN).await,
            Err(error) => return Err(DefinitionError::Crds(error)),
        }
    }
}

async fn apply_once(client: &Client, timeout: Duration) -> Result<Applied, CrdsError> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let found = definitions
        .get_opt(NAME)
        .await
        .map_err(|source| CrdsError::Api {
            name: NAME.to_owned(),
            source: Box::new(source),
        })?;
    if let Some(newer) = found.as_ref().and_then(newer) {
        crds::await_served(client, NAME, timeout).await?;
        return Ok(Applied::NewerStays(newer));
    }
    let text = yaml_for(minor(client).await);
    let files = [("the definition".to_owned(), text.into_bytes())];
    let report =
        crds::apply_as(MANAGER, client, &files, CrdsPolicy::CreateReplace, timeout).await?;
    Ok(if !report.created.is_empty() {
        Applied::Created
    } else if !report.updated.is_empty() {
        Applied::Updated
    } else {
        Applied::Unchanged
    })
}

/// The minor version of the API server's Kubernetes; 0, what every server can do, if it does not say.
async fn minor(client: &Client) -> u32 {
    let version = client.apiserver_version().await.ok();
    // some say `28+`
    let digits = version.map(|version| version.minor.trim_end_matches('+').to_owned());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The version that this definition is of, if it is later than ours.
fn newer(found: &CustomResourceDefinition) -> Option<String> {
    let text = found.metadata.annotations.as_ref()?.get(VERSION)?;
    let own = Version::parse(env!("CARGO_PKG_VERSION"))?;
    // one that is no version is nobody's we know of
    (Version::parse(text)? > own).then(|| text.clone())
}

/// True if the same request may succeed in a moment.
fn is_passing(error: &CrdsError) -> bool {
    let CrdsError::Api { source, .. } = error else {
        return false;
    };
    match source.as_ref() {
        kube::Error::Api(status) => matches!(status.code, 409 | 429 | 500..=504),
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => true,
        _ => false,
    }
}

fn status(error: &CrdsError) -> Option<u16> {
    match error {
        CrdsError::Api { source, .. } => match source.as_ref() {
            kube::Error::Api(status) => Some(status.code),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_version(version: Option<&str>) -> CustomResourceDefinition {
        let mut found = CustomResourceDefinition::default();
        found.metadata.annotations =
            version.map(|version| [(VERSION.to_owned(), version.to_owned())].into());
        found
    }

    #[test]
    fn only_a_later_versions_definition_is_newer() {
        let own = env!("CARGO_PKG_VERSION");
        for older in [None, Some("0.0.1"), Some(own), Some("garbage"), Some("")] {
            assert_eq!(newer(&of_version(older)), None, "{older:?}");
        }
        for later in ["99.0.0", "99.0.0-rc.1"] {
            assert_eq!(newer(&of_version(Some(later))).as_deref(), Some(later));
        }
    }

    #[test]
    fn the_definition_says_of_which_version_it_is() {
        let own = crate::component::crd::crd();
        assert_eq!(own.metadata.name.as_deref(), Some(NAME));
        let annotations = own.metadata.annotations.expect("annotations");
        assert_eq!(annotations[VERSION], env!("CARGO_PKG_VERSION"));
    }
}
