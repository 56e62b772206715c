//! The definitions in a chart's `crds` folder: applied before the release, never deleted (docs/components.md 10).

mod document;
pub mod keep;
pub mod kept;
mod switches;

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::Value;
use tokio::time::{Instant, sleep};

pub use self::document::CrdsError;
use self::document::{Definition, Stage};
use self::switches::Charts;
use crate::chart::archive::{self, ArchiveError};
use crate::component::CrdsPolicy;
use crate::component::names::FIELD_MANAGER;
use crate::yaml::escaped;

/// How long to wait between two reads of a definition.
const PAUSE: Duration = Duration::from_millis(200);

/// The results for a chart's definitions, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrdsReport {
    /// Created.
    pub created: Vec<String>,
    /// Existed and changed.
    pub updated: Vec<String>,
    /// Existed and did not change.
    pub unchanged: Vec<String>,
    /// Documents in the files that are no definitions and were left out.
    pub notes: Vec<String>,
}

/// The definitions of a release: those of the chart and of the sub-charts that these values leave enabled,
/// by Helm's rules. `crds` are all definitions in `package`.
///
/// # Errors
/// The package cannot be read.
pub fn of_enabled(
    package: &[u8],
    crds: &[(String, Vec<u8>)],
    values: &Value,
) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let on = Charts::read(package)?.switched_on(values);
    let is_on = |path: &str| {
        let chart = path.strip_suffix(archive::path_in_own_chart(path));
        chart.is_some_and(|chart| on.contains(chart))
    };
    let enabled = crds.iter().filter(|(path, _)| is_on(path));
    Ok(enabled.cloned().collect())
}

/// The names of the definitions in these files (path and YAML text), as far as they can be read.
pub fn names(files: &[(String, Vec<u8>)]) -> BTreeSet<String> {
    let of_file =
        |(path, text): &(String, Vec<u8>)| document::definitions(path, text, &mut Vec::new());
    let read = files.iter().filter_map(|file| of_file(file).ok());
    read.flatten().map(|definition| definition.name).collect()
}

/// Waits until the definition of this name (`widgets.example.com`) is established and served; returns its kind.
///
/// # Errors
/// It is not served in time, it does not exist, or the API server does not answer.
pub async fn await_served(
    client: &Client,
    name: &str,
    timeout: Duration,
) -> Result<String, CrdsError> {
    let cluster = Cluster {
        client: client.clone(),
        definitions: Api::all(client.clone()),
        manager: FIELD_MANAGER,
        dry_run: false,
        end: Instant::now() + timeout,
        timeout,
    };
    cluster.wait_until_served(name).await?;
    match cluster.get(name).await? {
        Some(definition) => Ok(definition.spec.names.kind),
        None => Err(cluster.too_late(name, "it was deleted".to_owned())),
    }
}

/// Applies the definitions in these files (path and YAML text, which may hold several documents) by server-side apply
/// and waits until each is established and served. Documents that are no definitions are left out with a note.
///
/// `Skip` does nothing, `Create` leaves definitions alone that exist, `CreateReplace` updates them. `timeout` is for
/// all of it. Definitions that exist are waited for too: what follows needs them.
///
/// # Errors
/// A file is not YAML, the API server refuses a definition or does not answer, or a definition is not served in time.
pub async fn apply(
    client: &Client,
    files: &[(String, Vec<u8>)],
    policy: CrdsPolicy,
    timeout: Duration,
) -> Result<CrdsReport, CrdsError> {
    apply_as(FIELD_MANAGER, client, files, policy, timeout).await
}

/// As [`apply`], with another field manager.
///
/// # Errors
/// As [`apply`].
pub async fn apply_as(
    manager: &'static str,
    client: &Client,
    files: &[(String, Vec<u8>)],
    policy: CrdsPolicy,
    timeout: Duration,
) -> Result<CrdsReport, CrdsError> {
    let mut report = CrdsReport::default();
    if policy == CrdsPolicy::Skip {
        return Ok(report);
    }
    let mut definitions = Vec::new();
    for (path, text) in files {
        definitions.extend(document::definitions(path, text, &mut report.notes)?);
    }
    let cluster = Cluster {
        client: client.clone(),
        definitions: Api::all(client.clone()),
        manager,
        dry_run: false,
        end: Instant::now() + timeout,
        timeout,
    };
    for definition in &definitions {
        cluster.put(definition, policy, &mut report).await?;
    }
    for definition in &definitions {
        cluster.wait_until_served(&definition.name).await?;
    }
    Ok(report)
}

/// Finds out whether [`apply`] would be let do it, without doing it.
///
/// # Errors
/// As [`apply`].
pub async fn try_apply(
    client: &Client,
    files: &[(String, Vec<u8>)],
    policy: CrdsPolicy,
    timeout: Duration,
) -> Result<(), CrdsError> {
    let mut report = CrdsReport::default();
    let cluster = Cluster {
        client: client.clone(),
        definitions: Api::all(client.clone()),
        manager: FIELD_MANAGER,
        dry_run: true,
        end: Instant::now() + timeout,
        timeout,
    };
    for (path, text) in files {
        for definition in document::definitions(path, text, &mut Vec::new())? {
            cluster.put(&definition, policy, &mut report).await?;
        }
    }
    Ok(())
}

/// Applies definitions to a cluster until a deadline.
struct Cluster {
    client: Client,
    definitions: Api<CustomResourceDefinition>,
    manager: &'static str,
    /// True if nothing is changed.
    dry_run: bool,
    end: Instant,
    timeout: Duration,
}

impl Cluster {
    async fn put(
        &self,
        definition: &Definition,
        policy: CrdsPolicy,
        report: &mut CrdsReport,
    ) -> Result<(), CrdsError> {
        let name = &definition.name;
        let mut before = self.get(name).await?;
        while let Some(found) = &before
            && found.metadata.deletion_timestamp.is_some()
        {
            // what is applied while it is being deleted would go with it
            self.pause(name, || "an older one is still being deleted".to_owned())
                .await?;
            before = self.get(name).await?;
        }
        if before.is_some() && policy == CrdsPolicy::Create {
            report.unchanged.push(name.clone());
            return Ok(());
        }
        let how = PatchParams::apply(self.manager).force();
        let how = PatchParams {
            dry_run: self.dry_run,
            ..how.validation_strict()
        };
        let version = |of: &CustomResourceDefinition| of.metadata.resource_version.clone();
        let patched = self.send(name, self.patch(definition, &how)).await?;
        let list = match before {
            None => &mut report.created,
            Some(before) if version(&before) == patched => &mut report.unchanged,
            Some(_) => &mut report.updated,
        };
        list.push(name.clone());
        Ok(())
    }

    /// Returns the new resourceVersion.
    async fn patch(
        &self,
        definition: &Definition,
        how: &PatchParams,
    ) -> Result<Option<String>, kube::Error> {
        // not through the typed API: an older apiVersion has its own path, and unknown fields must not be lost
        let url = format!("/apis/{}/customresourcedefinitions", definition.api_version);
        let patch = Patch::Apply(&definition.value);
        let request = kube::core::Request::new(url).patch(&definition.name, how, &patch);
        let request = request.map_err(kube::Error::BuildRequest)?;
        // the API server reads it as YAML
        let request = request.map(escaped);
        let answer: Value = self.client.request(request).await?;
        let version = &answer["metadata"]["resourceVersion"];
        Ok(version.as_str().map(str::to_owned))
    }

    async fn wait_until_served(&self, name: &str) -> Result<(), CrdsError> {
        loop {
            let found = self.get(name).await?;
            let stage = document::stage(found.as_ref());
            let why = match stage {
                Stage::Unserved => return Ok(()),
                Stage::Established { group, version } => {
                    // discovery, which Helm uses, follows a moment later
                    let version = format!("{group}/{version}");
                    let served = self.client.list_api_group_resources(&version).await;
                    match served {
                        Ok(list) if list.resources.iter().any(|one| is_of(name, &one.name)) => {
                            return Ok(());
                        }
                        Ok(_) => format!("it is not served in {version} yet"),
                        Err(error) => format!("it is not served in {version} yet: {error}"),
                    }
                }
                Stage::Refused(why) => {
                    return Err(CrdsError::NamesRefused {
                        name: name.to_owned(),
                        why,
                    });
                }
                Stage::Waiting(why) => why,
            };
            self.pause(name, || why).await?;
        }
    }

    async fn get(&self, name: &str) -> Result<Option<CustomResourceDefinition>, CrdsError> {
        self.send(name, self.definitions.get_opt(name)).await
    }

    async fn send<T>(
        &self,
        name: &str,
        answer: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, CrdsError> {
        match tokio::time::timeout_at(self.end, answer).await {
            Ok(answer) => answer.map_err(|source| CrdsError::Api {
                name: name.to_owned(),
                source: Box::new(source),
            }),
            Err(_) => Err(self.too_late(name, "the API server does not answer".to_owned())),
        }
    }

    async fn pause(&self, name: &str, why: impl FnOnce() -> String) -> Result<(), CrdsError> {
        if Instant::now() + PAUSE > self.end {
            return Err(self.too_late(name, why()));
        }
        sleep(PAUSE).await;
        Ok(())
    }

    fn too_late(&self, name: &str, why: String) -> CrdsError {
        CrdsError::NotServed {
            name: name.to_owned(),
            seconds: self.timeout.as_secs(),
            why,
        }
    }
}

/// True if the definition of this name is that of this resource: a definition is called `plural.group`.
fn is_of(definition: &str, plural: &str) -> bool {
    definition
        .split_once('.')
        .is_some_and(|(wanted, _)| wanted == plural)
}
