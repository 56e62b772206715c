//! The target namespaces of releases: created when missing, never changed by a release (docs/components.md 2.3).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use crate::component::names::FIELD_MANAGER;

/// Namespaces of the system, besides those that begin with `kube-` (docs/components.md 2.3).
const SYSTEM: [&str; 2] = ["edge-system", "observability-system"];

/// The state of a target namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceState {
    /// It existed, and is unchanged.
    Existed,
    /// It was created.
    Created,
    /// It is being deleted: nothing can be installed there until it is gone and created again.
    Terminating,
}

/// Creates the namespace with these labels if it is missing. An existing one is not changed.
///
/// # Errors
/// The API server refuses or does not answer. A namespace that comes and goes in between is a conflict (class A of
/// docs/components.md 2.3).
pub async fn ensure(
    client: &Client,
    name: &str,
    labels: &BTreeMap<String, String>,
) -> Result<NamespaceState, kube::Error> {
    match look(client, name).await? {
        Some(state) => Ok(state),
        None => create(client, name, labels).await,
    }
}

/// The state of the namespace; `None` if it is missing.
///
/// # Errors
/// The API server refuses or does not answer.
pub async fn look(client: &Client, name: &str) -> Result<Option<NamespaceState>, kube::Error> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let found = namespaces.get_opt(name).await?;
    Ok(found.map(|found| state(&found)))
}

/// True if the namespace is being deleted, or is gone.
///
/// # Errors
/// As [`look`].
pub async fn ends(client: &Client, name: &str) -> Result<bool, kube::Error> {
    let state = look(client, name).await?;
    Ok(matches!(state, None | Some(NamespaceState::Terminating)))
}

/// As [`ensure`], for a namespace that was missing a moment ago.
///
/// # Errors
/// As [`ensure`].
pub async fn create(
    client: &Client,
    name: &str,
    labels: &BTreeMap<String, String>,
) -> Result<NamespaceState, kube::Error> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let wanted = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels.clone()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    // not an apply: that would label a namespace that another client creates at this moment
    let how = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    match namespaces.create(&how, &wanted).await {
        Ok(_) => Ok(NamespaceState::Created),
        Err(kube::Error::Api(refusal)) if refusal.is_already_exists() => {
            match namespaces.get_opt(name).await? {
                Some(found) => Ok(state(&found)),
                None => Err(kube::Error::Api(refusal)),
            }
        }
        Err(error) => Err(error),
    }
}

/// Sets these labels on the existing system namespaces (`kube-*`, `edge-system`, `observability-system`);
/// returns the names of those that lacked one of them.
///
/// # Errors
/// The API server refuses or does not answer.
pub async fn label_system_namespaces(
    client: &Client,
    labels: &BTreeMap<String, String>,
) -> Result<Vec<String>, kube::Error> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let mut labelled = Vec::new();
    for found in namespaces.list_metadata(&ListParams::default()).await? {
        let name = found.name_any();
        let has_all = labels
            .iter()
            .all(|(label, value)| found.labels().get(label) == Some(value));
        if !is_of_the_system(&name) || has_all || found.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let patch = json!({"metadata": {"labels": labels}});
        let how = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        match namespaces
            .patch_metadata(&name, &how, &Patch::Merge(&patch))
            .await
        {
            Ok(_) => labelled.push(name),
            Err(kube::Error::Api(refusal)) if refusal.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(labelled)
}

fn is_of_the_system(name: &str) -> bool {
    name.starts_with("kube-") || SYSTEM.contains(&name)
}

fn state(found: &Namespace) -> NamespaceState {
    let phase = found
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    if found.metadata.deletion_timestamp.is_some() || phase == Some("Terminating") {
        NamespaceState::Terminating
    } else {
        NamespaceState::Existed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_systems_namespaces_are_the_systems() {
        for name in [
            "kube-system",
            "kube-public",
            "edge-system",
            "observability-system",
        ] {
            assert!(is_of_the_system(name), "{name}");
        }
        for name in ["default", "kubeless", "edge-system-2", "my-kube-system"] {
            assert!(!is_of_the_system(name), "{name}");
        }
    }
}
