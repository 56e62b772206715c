//! Definitions in files, and the progress of the API server with one.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

use crate::controller::objects::{UnknownFields, unknown_fields};
use crate::yaml;

/// The YAML nodes of a file of definitions: the largest in the field have some 100,000.
const LIMITS: yaml::Limits = yaml::Limits {
    nodes: 1_000_000,
    depth: 200,
};

/// Why a chart's definitions could not be brought to the cluster.
#[derive(Debug, thiserror::Error)]
pub enum CrdsError {
    /// A file of the chart's `crds` folder is not YAML.
    #[error("{path} of the chart cannot be read: {source}")]
    Unreadable {
        /// The file's path in the chart.
        path: String,
        /// What is wrong with it.
        source: yaml::YamlError,
    },
    /// The API server refused, or could not be asked.
    #[error("definition {name}: {}", said(source))]
    Api {
        /// The definition's name.
        name: String,
        /// What came back.
        source: Box<kube::Error>,
    },
    /// The names in the definition are taken by another.
    #[error("definition {name} is not accepted: {why}")]
    NamesRefused {
        /// The definition's name.
        name: String,
        /// The server's sentence.
        why: String,
    },
    /// The definition was not served in time.
    #[error("definition {name} is not served after {seconds} s: {why}")]
    NotServed {
        /// The definition's name.
        name: String,
        /// The timeout for all definitions.
        seconds: u64,
        /// What it waits for.
        why: String,
    },
}

fn said(error: &kube::Error) -> String {
    let fields = unknown_fields(error);
    match error {
        _ if !fields.is_empty() => UnknownFields(&fields).to_string(),
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        other => other.to_string(),
    }
}

/// A definition that can be applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// `widgets.example.com`.
    pub name: String,
    /// `apiextensions.k8s.io/v1`.
    pub api_version: String,
    /// The whole object, without its status.
    pub value: Value,
}

/// The definitions of a file; other documents are noted.
///
/// # Errors
/// The text is not YAML.
pub fn definitions(
    path: &str,
    text: &[u8],
    notes: &mut Vec<String>,
) -> Result<Vec<Definition>, CrdsError> {
    let documents = yaml::parse_all(text, LIMITS).map_err(|source| CrdsError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let mut found = Vec::new();
    for document in documents.iter().filter(|document| !document.is_null()) {
        let value = document.to_json();
        match definition(&value) {
            Some(definition) => found.push(definition),
            None => {
                let kind = value["kind"].as_str().unwrap_or("without a kind");
                notes.push(format!(
                    "{path}: a document ({kind}) is no CustomResourceDefinition and is left out"
                ));
            }
        }
    }
    Ok(found)
}

fn definition(value: &Value) -> Option<Definition> {
    let api_version = value["apiVersion"].as_str()?;
    let is_definition = value["kind"] == "CustomResourceDefinition"
        && api_version.starts_with("apiextensions.k8s.io/");
    let name = value["metadata"]["name"].as_str()?;
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        // generators write an empty one, and old servers refuse its nulls
        fields.remove("status");
    }
    if let Some(metadata) = value["metadata"].as_object_mut() {
        metadata.retain(|name, value| !value.is_null() && name != "managedFields");
    }
    is_definition.then(|| Definition {
        name: name.to_owned(),
        api_version: value["apiVersion"].as_str().unwrap_or_default().to_owned(),
        value,
    })
}

/// The progress of the API server with a definition.
#[derive(Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is established; this version should be served.
    Established {
        /// The API group.
        group: String,
        /// The first version that is served.
        version: String,
    },
    /// It is established and serves no version, as one that is on its way out: there is nothing to wait for.
    Unserved,
    /// Its names are taken by another.
    Refused(String),
    /// Not yet, and why.
    Waiting(String),
}

/// The progress with this definition; `None` if it does not exist yet.
pub fn stage(found: Option<&CustomResourceDefinition>) -> Stage {
    let Some(found) = found else {
        return Stage::Waiting("it was deleted".to_owned());
    };
    let conditions = found
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let condition = |wanted: &str| {
        let mut all = conditions.into_iter().flatten();
        all.find(|condition| condition.type_ == wanted)
    };
    if let Some(names) = condition("NamesAccepted")
        && names.status == "False"
    {
        return Stage::Refused(names.message.clone().unwrap_or_default());
    }
    let is_established = condition("Established").is_some_and(|one| one.status == "True");
    if !is_established {
        return Stage::Waiting("it is not established yet".to_owned());
    }
    match served_version(found) {
        Some(version) => Stage::Established {
            group: found.spec.group.clone(),
            version: version.to_owned(),
        },
        None => Stage::Unserved,
    }
}

/// The first version of a definition that is served.
pub fn served_version(definition: &CustomResourceDefinition) -> Option<&str> {
    let mut versions = definition.spec.versions.iter();
    let served = versions.find(|version| version.served)?;
    Some(&served.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn definitions_are_taken_out_of_files_and_the_rest_is_noted() {
        let text = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com, creationTimestamp: null}
spec: {group: example.com}
status: {conditions: null}
---
# nothing here
---
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
---
just a text
---
apiVersion: example.com/v1
kind: CustomResourceDefinition
metadata: {name: not.really}
";
        let mut notes = Vec::new();
        let found = definitions("crds/all.yaml", text.as_bytes(), &mut notes).unwrap();
        let expected = Definition {
            name: "widgets.example.com".to_owned(),
            api_version: "apiextensions.k8s.io/v1".to_owned(),
            value: json!({
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": "widgets.example.com"},
                "spec": {"group": "example.com"},
            }),
        };
        assert_eq!(found, [expected]);
        let note = |kind: &str| {
            format!(
                "crds/all.yaml: a document ({kind}) is no CustomResourceDefinition and is left out"
            )
        };
        let expected = ["ConfigMap", "without a kind", "CustomResourceDefinition"].map(note);
        assert_eq!(notes, expected);
        let broken = definitions("crds/x.yaml", b"a: [", &mut notes).unwrap_err();
        assert!(
            broken
                .to_string()
                .starts_with("crds/x.yaml of the chart cannot be read: ")
        );
    }

    #[test]
    fn a_definition_is_waited_for_until_it_is_established() {
        let of_versions = |served: bool, conditions: Value| {
            let value = json!({
                "metadata": {"name": "widgets.example.com"},
                "spec": {
                    "group": "example.com",
                    "scope": "Namespaced",
                    "names": {"plural": "widgets", "kind": "Widget"},
                    "versions": [
                        {"name": "v1alpha1", "served": false, "storage": false},
                        {"name": "v1", "served": served, "storage": true},
                    ],
                },
                "status": {"conditions": conditions},
            });
            let definition: CustomResourceDefinition = serde_json::from_value(value).unwrap();
            stage(Some(&definition))
        };
        let of = |conditions: Value| of_versions(true, conditions);
        let condition =
            |name: &str, status: &str| json!({"type": name, "status": status, "message": "taken"});
        assert_eq!(
            of(json!([
                condition("NamesAccepted", "True"),
                condition("Established", "True")
            ])),
            Stage::Established {
                group: "example.com".to_owned(),
                version: "v1".to_owned(),
            }
        );
        let refused = of(json!([condition("NamesAccepted", "False")]));
        assert_eq!(refused, Stage::Refused("taken".to_owned()));
        assert!(matches!(of(json!([])), Stage::Waiting(_)));
        let established = json!([condition("Established", "True")]);
        assert_eq!(of_versions(false, established), Stage::Unserved);
        assert!(matches!(of_versions(false, json!([])), Stage::Waiting(_)));
        assert!(matches!(stage(None), Stage::Waiting(_)));
    }
}
