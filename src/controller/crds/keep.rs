//! Definitions that a release may drop are kept where others still need them: marked with Helm's own `resource-policy:
//! keep`, which Helm looks for on the *live* object before an upgrade or rollback deletes it (docs/components.md 10.2).

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::document::{CrdsError, served_version};
use super::kept;
use crate::api_error::is_not_found;
use crate::component::names::FIELD_MANAGER;
use crate::component::names::annotation::KEPT_FOR;
use crate::node_key::NodeKey;
use crate::release::manifest::{Manifest, RESOURCE_POLICY};
use crate::release::operation::ReleaseKey;

/// The kind of a definition.
const KIND: &str = "CustomResourceDefinition";

/// Helm's annotations on what a release consists of.
const RELEASE: [&str; 2] = [
    "meta.helm.sh/release-namespace",
    "meta.helm.sh/release-name",
];

/// The definitions in a manifest, by name, and what looks like one in what cannot be read.
pub fn in_manifest(manifest: &Manifest) -> BTreeSet<String> {
    let objects = manifest.objects.iter();
    let read = objects
        .filter(|object| object.kind == KIND && object.group() == "apiextensions.k8s.io")
        .map(|object| object.name.as_str());
    let seeming = manifest.unreadable.iter();
    let seeming = seeming.filter_map(|one| one.object.as_deref()?.strip_prefix(KIND));
    let names = read
        .chain(seeming.map(str::trim))
        .filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// For whom definitions are kept, and why.
#[derive(Clone, Copy, Debug)]
pub struct Keeper<'a> {
    /// The Component whose release may drop them.
    pub component: &'a NodeKey,
    /// That release.
    pub release: &'a ReleaseKey,
    /// Those that its chart has in `crds/`, by name.
    pub held: &'a BTreeSet<String>,
    /// True if the objects of their kinds are to stay: nobody asked for their removal.
    pub spares_objects: bool,
    /// The release that comes in the place of that one, and takes them over.
    pub successor: Option<&'a ReleaseKey>,
}

/// Marks those of the definitions that are needed by others than the release's own manifest: there are objects of the
/// kind, or some chart has it in `crds/`, or it is another release's by now. Returns the names of those that are marked.
///
/// # Errors
/// The API server does not answer, or does not let a definition be marked.
pub async fn keep(
    client: &Client,
    names: &BTreeSet<String>,
    keeper: Keeper<'_>,
) -> Result<BTreeSet<String>, CrdsError> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut marked = BTreeSet::new();
    for name in names {
        let found = definitions.get_opt(name).await;
        let Some(found) = found.map_err(|source| failed(name, source))? else {
            continue;
        };
        let metadata = &found.metadata;
        let is_ours = kept::owner(metadata).is_some();
        if metadata.deletion_timestamp.is_some() || is_kept(metadata) && !is_ours {
            continue;
        }
        if keeper.held.contains(name)
            || is_from_crds(metadata)
            || is_anothers(metadata, keeper.release)
            || keeper.spares_objects && has_objects(client, &found).await?
        {
            annotate(&definitions, name, keeper.mark(metadata)).await?;
            marked.insert(name.clone());
        }
    }
    Ok(marked)
}

impl Keeper<'_> {
    /// The annotations of a definition that is kept.
    fn mark(&self, metadata: &ObjectMeta) -> Value {
        let mut mark = json!({RESOURCE_POLICY: "keep", KEPT_FOR: self.component.to_string()});
        if let Some((namespace, name)) = self.successor
            && !is_anothers(metadata, self.release)
        {
            mark[RELEASE[0]] = namespace.as_str().into();
            mark[RELEASE[1]] = name.as_str().into();
        }
        mark
    }
}

/// Takes the mark off again: the release has these definitions still, or another has them.
///
/// # Errors
/// The API server does not answer, or does not let a definition be written.
pub async fn let_go(client: &Client, names: &BTreeSet<String>) -> Result<(), CrdsError> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for name in names {
        annotate(
            &definitions,
            name,
            json!({RESOURCE_POLICY: null, KEPT_FOR: null}),
        )
        .await?;
    }
    Ok(())
}

/// One that is gone needs no mark.
async fn annotate(
    definitions: &Api<CustomResourceDefinition>,
    name: &str,
    annotations: Value,
) -> Result<(), CrdsError> {
    let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match definitions.patch_metadata(name, &parameters, &patch).await {
        Ok(_) => Ok(()),
        Err(cause) if is_not_found(&cause) => Ok(()),
        Err(cause) => Err(failed(name, cause)),
    }
}

/// True if there are objects of the kind, or if that cannot be told: what is stored in a version that nobody serves
/// would go as well.
async fn has_objects(
    client: &Client,
    definition: &CustomResourceDefinition,
) -> Result<bool, CrdsError> {
    let Some(version) = served_version(definition) else {
        return Ok(true);
    };
    let spec = &definition.spec;
    let url = format!("/apis/{}/{version}/{}", spec.group, spec.names.plural);
    let list = kube::api::ListParams::default().limit(1);
    let name = definition.metadata.name.clone().unwrap_or_default();
    let request = kube::core::Request::new(url).list(&list);
    let request = request.map_err(|source| failed(&name, kube::Error::BuildRequest(source)))?;
    match client.request::<Value>(request).await {
        Ok(listed) => Ok(listed["items"]
            .as_array()
            .is_none_or(|items| !items.is_empty())),
        // a webhook that converts them may be gone, or the right to list them be missing
        Err(kube::Error::Api(_)) => Ok(true),
        Err(cause) => Err(failed(&name, cause)),
    }
}

/// True if Helm leaves it, be it for us or for its user.
fn is_kept(metadata: &ObjectMeta) -> bool {
    let annotations = metadata.annotations.as_ref();
    annotations
        .and_then(|all| all.get(RESOURCE_POLICY))
        .is_some_and(|policy| policy == "keep")
}

/// True if the `crds/` of some chart had it: those are never deleted.
fn is_from_crds(metadata: &ObjectMeta) -> bool {
    let mut entries = metadata.managed_fields.iter().flatten();
    entries.any(|entry| {
        let fields = entry.fields_v1.as_ref();
        entry.manager.as_deref() == Some(FIELD_MANAGER)
            && fields.is_some_and(|fields| fields.0.get("f:spec").is_some())
    })
}

/// True if another release has taken it over.
fn is_anothers(metadata: &ObjectMeta, release: &ReleaseKey) -> bool {
    let annotations = metadata.annotations.as_ref();
    let annotation = |name: &str| annotations?.get(name).map(String::as_str);
    let owner = annotation(RELEASE[0]).zip(annotation(RELEASE[1]));
    owner.is_some_and(|owner| owner != (&release.0, &release.1))
}

fn failed(name: &str, source: kube::Error) -> CrdsError {
    CrdsError::Api {
        name: name.to_owned(),
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::manifest;

    #[test]
    fn definitions_are_found_in_lists_too_and_in_what_cannot_be_read() {
        let definition = |name: &str| {
            format!(
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
                 metadata:\n  name: {name}\n"
            )
        };
        let text = [
            definition("as.x.io"),
            r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "apiextensions.k8s.io/v1beta1",
               "kind": "CustomResourceDefinition", "metadata": {"name": "bs.x.io"}}]}"#
                .to_owned(),
            definition("cs.x.io") + "spec: [\n",
            "{apiVersion: x.io/v1, kind: CustomResourceDefinition, metadata: {name: other}}".to_owned(),
            "{apiVersion: v1, kind: Service, metadata: {name: web}}".to_owned(),
        ];
        let names = in_manifest(&manifest::read(&text.join("\n---\n")));
        assert_eq!(Vec::from_iter(names), ["as.x.io", "bs.x.io", "cs.x.io"]);
    }

    #[test]
    fn whose_a_definition_is_shows_in_its_metadata() {
        let metadata =
            |value: Value| serde_json::from_value::<ObjectMeta>(value).expect("metadata");
        let own = ("edge".to_owned(), "web".to_owned());
        let of = |namespace: &str, name: &str| {
            metadata(json!({"annotations": {RELEASE[0]: namespace, RELEASE[1]: name}}))
        };
        assert!(!is_anothers(&of("edge", "web"), &own));
        assert!(is_anothers(&of("edge", "other"), &own));
        assert!(is_anothers(&of("other", "web"), &own));
        assert!(!is_anothers(&ObjectMeta::default(), &own));

        let managed = |manager: &str, fields: Value| {
            let entry = json!({"manager": manager, "operation": "Apply", "fieldsV1": fields});
            metadata(json!({"managedFields": [entry]}))
        };
        assert!(is_from_crds(&managed(FIELD_MANAGER, json!({"f:spec": {}}))));
        // the mark alone
        assert!(!is_from_crds(&managed(
            FIELD_MANAGER,
            json!({"f:metadata": {}})
        )));
        assert!(!is_from_crds(&managed("helm", json!({"f:spec": {}}))));
        assert!(is_kept(&metadata(
            json!({"annotations": {RESOURCE_POLICY: "keep"}})
        )));
        assert!(!is_kept(&metadata(
            json!({"annotations": {RESOURCE_POLICY: "delete"}})
        )));
    }
}
