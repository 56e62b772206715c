//! What charts can hold beyond one ConfigMap, each named after the release so that many can lie in one namespace.

use serde_json::{Value, json};

use super::ChartBuilder;
use crate::support::random::Random;

/// When hooks run and of what kind they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// A ConfigMap: done as soon as it is made.
    ConfigMap,
    /// A Job: done when somebody says so, as a kubelet would (`Kubelet::finish_job`).
    Job,
}

impl ChartBuilder {
    /// A Deployment named after the release, of one replica (`replicas` in the values), whose image (`image`) nobody
    /// will ever run.
    pub fn deployment(self) -> ChartBuilder {
        self.template(
            "deployment",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  \
             replicas: {{ .Values.replicas | default 1 }}\n  \
             selector:\n    matchLabels:\n      app: {{ .Release.Name }}\n  \
             template:\n    metadata:\n      labels:\n        app: {{ .Release.Name }}\n    spec:\n      \
             containers:\n      - name: main\n        image: {{ .Values.image | default \"registry.invalid/main:1\" }}\n",
        )
    }

    /// A hook such as `pre-install` or `post-upgrade`; several events are joined with commas. Its object is
    /// `RELEASE-EVENTS` with dashes for commas, and is replaced by the next one.
    pub fn hook(self, events: &str, hook: Hook) -> ChartBuilder {
        let name = events.replace(',', "-");
        let (version, kind, body) = match hook {
            Hook::ConfigMap => (
                "v1",
                "ConfigMap",
                "data:\n  at: {{ .Release.Revision | quote }}\n",
            ),
            Hook::Job => (
                "batch/v1",
                "Job",
                "spec:\n  backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n      \
                 containers:\n      - name: main\n        image: registry.invalid/hook:1\n",
            ),
        };
        let template = format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {{{{ .Release.Name }}}}-{name}\n  \
             annotations:\n    helm.sh/hook: {events}\n    helm.sh/hook-delete-policy: before-hook-creation\n{body}"
        );
        self.template(&format!("hook-{name}"), &template)
    }

    /// A definition in the folder `crds`: this kind, in lower case with an `s` for many, in this group.
    pub fn crd(self, group: &str, kind: &str) -> ChartBuilder {
        let singular = kind.to_lowercase();
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{singular}s.{group}")},
            "spec": {
                "group": group, "scope": "Namespaced",
                "names": {"kind": kind, "plural": format!("{singular}s"), "singular": singular},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {
                        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    }},
                }],
            },
        });
        self.file(&format!("crds/{singular}s.yaml"), definition.to_string())
    }

    /// An object of a kind that some chart defines, named after the release.
    pub fn custom_object(self, group: &str, kind: &str) -> ChartBuilder {
        let template = format!(
            "apiVersion: {group}/v1\nkind: {kind}\nmetadata:\n  name: {{{{ .Release.Name }}}}\n"
        );
        self.template(&format!("custom-{}", kind.to_lowercase()), &template)
    }

    /// A schema that the values must meet.
    pub fn schema(self, schema: &Value) -> ChartBuilder {
        self.file("values.schema.json", schema.to_string())
    }

    /// The annotation with the Components that the chart requires: a YAML list, such as `- prometheus ^1`.
    pub fn requires(self, list: &str) -> ChartBuilder {
        self.annotation("ext.theriseunion.io/requires", list)
    }

    /// An annotation in `Chart.yaml`; one for each chart.
    pub fn annotation(self, name: &str, text: &str) -> ChartBuilder {
        // JSON text is YAML text
        let text = Value::from(text);
        self.more_yaml(&format!("annotations:\n  {name}: {text}"))
    }

    /// A template that fails when it is rendered, with these words.
    pub fn failing_template(self, words: &str) -> ChartBuilder {
        self.template(
            "failing",
            &format!("{{{{ fail {} }}}}\n", Value::from(words)),
        )
    }

    /// An object that renders, and that the API server refuses: a Service without ports.
    pub fn rejected_object(self) -> ChartBuilder {
        self.template(
            "rejected",
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}-rejected\nspec:\n  ports: []\n",
        )
    }

    /// A ConfigMap that may not change once it is there, and that holds the value `fixed`.
    pub fn immutable_object(self) -> ChartBuilder {
        self.template(
            "immutable",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-immutable\nimmutable: true\n\
             data:\n  fixed: {{ .Values.fixed | default \"first\" | quote }}\n",
        )
    }

    /// A ConfigMap `RELEASE-held` that does not go before somebody takes this finalizer away.
    pub fn held_object(self, finalizer: &str) -> ChartBuilder {
        let template = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ .Release.Name }}}}-held\n  \
             finalizers: [{finalizer}]\n"
        );
        self.template("held", &template)
    }

    /// An object of the whole cluster: a ClusterRole `NAMESPACE-RELEASE` that permits nothing.
    pub fn cluster_object(self) -> ChartBuilder {
        self.template(
            "cluster",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n\
             metadata:\n  name: {{ .Release.Namespace }}-{{ .Release.Name }}\nrules: []\n",
        )
    }

    /// A file of this many bytes that no compression makes smaller.
    pub fn random_file(self, bytes: usize) -> ChartBuilder {
        let mut random = Random::seeded(bytes as u64);
        let content: Vec<u8> = std::iter::repeat_with(|| random.next().to_le_bytes())
            .flatten()
            .take(bytes)
            .collect();
        self.file("files/random.bin", content)
    }

    /// In the place of the chart's own ConfigMap, a ConfigMap `RELEASE-values` whose `json` is what the templates were
    /// given as values.
    pub fn values_echo(self) -> ChartBuilder {
        self.without("templates/configmap.yaml").template(
            "values",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-values\n\
             data:\n  json: {{ .Values | toJson | quote }}\n",
        )
    }

    /// A template by its name without `.yaml`.
    pub fn template(self, name: &str, text: &str) -> ChartBuilder {
        self.file(&format!("templates/{name}.yaml"), text)
    }
}
