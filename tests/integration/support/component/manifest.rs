//! Component manifests from a few words.

use serde_json::{Value, json};

/// A Component to be applied. Its release goes into the Component's own namespace, which is the test's, unless it is
/// told otherwise.
#[derive(Clone)]
pub struct ComponentBuilder {
    name: String,
    spec: Value,
    annotations: Value,
}

impl ComponentBuilder {
    /// An enabled Component that installs the chart of its own name in its newest version.
    pub fn new(name: &str) -> ComponentBuilder {
        ComponentBuilder {
            name: name.to_owned(),
            spec: json!({"enabled": true, "chart": {}}),
            annotations: json!({}),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Another chart than the one of its name.
    pub fn chart(self, name: &str) -> ComponentBuilder {
        self.spec(json!({"chart": {"name": name}}))
    }

    /// An exact version, a range, or `latest`.
    pub fn version(self, version: &str) -> ComponentBuilder {
        self.spec(json!({"version": version}))
    }

    /// The values, in place of those before.
    pub fn values(mut self, values: Value) -> ComponentBuilder {
        // not merged: a null is a value here
        self.spec["values"] = values;
        self
    }

    /// The names of Components that must be ready first, in any version.
    pub fn depends_on(self, names: &[&str]) -> ComponentBuilder {
        names.iter().fold(self, |component, name| {
            component.dependency(json!({"name": name}))
        })
    }

    /// One more dependency, such as `{"name": "loki", "version": ">=2"}`.
    pub fn dependency(mut self, dependency: Value) -> ComponentBuilder {
        let dependencies = &mut self.spec["dependsOn"];
        if dependencies.is_null() {
            *dependencies = json!([]);
        }
        let list = dependencies.as_array_mut().expect("a list");
        list.push(dependency);
        self
    }

    /// The namespace of the release.
    pub fn into_namespace(self, namespace: &str) -> ComponentBuilder {
        self.spec(json!({"chart": {"namespace": namespace}}))
    }

    /// Any fields of the spec, merged into what is there; null removes.
    pub fn spec(mut self, fields: Value) -> ComponentBuilder {
        merge(&mut self.spec, fields);
        self
    }

    /// An annotation by its name after `ext.theriseunion.io/`.
    pub fn annotation(mut self, name: &str, value: &str) -> ComponentBuilder {
        self.annotations[format!("ext.theriseunion.io/{name}")] = value.into();
        self
    }

    /// The manifest for this namespace.
    pub fn manifest(&self, namespace: &str) -> Value {
        let mut spec = self.spec.clone();
        let target = &mut spec["chart"]["namespace"];
        if target.is_null() {
            *target = namespace.into();
        }
        let mut metadata = json!({"name": self.name, "namespace": namespace});
        if self.annotations != json!({}) {
            metadata["annotations"] = self.annotations.clone();
        }
        json!({
            "apiVersion": "ext.theriseunion.io/v1alpha1", "kind": "Component",
            "metadata": metadata, "spec": spec,
        })
    }
}

/// RFC 7396.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let target = target.as_object_mut().expect("just made one");
    for (key, value) in patch {
        if value.is_null() {
            target.remove(&key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}
