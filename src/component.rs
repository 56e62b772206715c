//! The Component custom resource: what a user asks for (`spec`) and what came of it (`status`).
//!
//! Doc comments of its fields are what `kubectl explain component` prints, so they are written for users. Fields and
//! defaults: docs/components.md 1.2. An object that the published definition accepts is accepted here too, and means
//! the same, unless a rule of [`rules`] refuses it, which are those that the controller refuses too: nothing that was
//! free text there has a pattern here. Texts and lists that a rule looks at have a limit, far above what anybody
//! writes, because an API server takes no rule whose cost is not bounded.
//!
//! The types refuse a little more than the schema can (a duration beyond 64 bits, say), and an older schema in the
//! cluster refuses less: whoever reads Components from an API server reads `kube::core::DeserializeGuard<Component>`,
//! so that one odd object does not hide the others.

pub mod canonical_json;
pub mod conditions;
pub mod crd;
pub mod duration;
pub mod implicit;
pub mod inputs;
pub mod names;
pub mod nulls;
pub mod policies;
pub mod rules;
pub mod schema;
mod sentence;
pub mod settings;
pub mod spec_hash;
pub mod status;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::duration::GoDuration;
pub use self::inputs::{ChartSource, Dependency, ValuesKind, ValuesReference};
pub use self::policies::{
    CrdsPolicy, DeletionPolicy, DriftDetection, DriftIgnore, DriftMode, DriftTarget,
    ServerSideApply, TakeOwnership,
};
pub use self::settings::{
    Cascade, Install, InstallFailure, Rollback, Test, TestFilter, Uninstall, Upgrade,
    UpgradeFailure, Wait,
};
pub use self::status::{ComponentStatus, Phase};

/// What should be installed, from which chart, and how.
#[derive(CustomResource, Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "ext.theriseunion.io",
    version = "v1alpha1",
    kind = "Component",
    plural = "components",
    shortname = "comp",
    namespaced,
    status = "ComponentStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "A chart to be installed as a Helm release, after the Components that it depends on.\n\n\
           Annotations: ext.theriseunion.io/skip-reconcile \"true\" leaves the release alone; \
           ext.theriseunion.io/pre-installed \"true\" with installation-method names a release that was installed by \
           other means; a new value of requestedAt asks for a look at once, of forceAt for one upgrade even if \
           nothing changed, of resetAt for a fresh count of failures; allow-break-dependents \"true\" permits removal \
           while others still need this Component; allow-move \"true\" lets a release out of a namespace of Kubernetes' own.",
    printcolumn = r#"{"name": "Enabled", "type": "boolean", "jsonPath": ".spec.enabled"}"#,
    printcolumn = r#"{"name": "Phase", "type": "string", "jsonPath": ".status.phase"}"#,
    printcolumn = r#"{"name": "Version", "type": "string", "jsonPath": ".spec.version"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "Resolved", "type": "string", "jsonPath": ".status.resolvedVersion", "priority": 1}"#,
    printcolumn = r#"{"name": "Message", "type": "string", "jsonPath": ".status.message", "priority": 1}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ComponentSpec {
    /// Whether the chart should be installed. False uninstalls the release and keeps this object.
    #[serde(default = "yes")]
    pub enabled: bool,

    /// The chart's version: an exact one (1.2.3), a range (>=1.2 <2, ^1, ~1.4, 1.x), or latest. Left out or empty, the
    /// newest stable version is installed and then kept, unless autoUpgrade is on. Ranges and latest follow uploads.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 65536))]
    pub version: String,

    /// Which chart, and where its release goes.
    #[serde(default)]
    pub chart: ChartSource,

    /// Values for the chart, over its own defaults. They win over valuesFrom; null removes a default of the chart,
    /// but kubectl apply drops nulls: use kubectl apply --server-side, or create, where there are any.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "crd::free_object")]
    pub values: Map<String, Value>,

    /// ConfigMaps and Secrets with further values, later ones over earlier ones. Not there yet: refused in
    /// this version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub values_from: Vec<ValuesReference>,

    /// Components that must be installed and ready before this one. The chart may name more in its annotation
    /// ext.theriseunion.io/requires.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub depends_on: Vec<Dependency>,

    /// Whether a dependency that no Component provides is created and installed first, if the repository has its chart.
    #[serde(default = "yes")]
    pub auto_install_dependencies: bool,

    /// True stops every change to the release; what is true of it is still reported.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,

    /// How often an installed release is looked at for drift and health, as a duration such as 10m or 1h30m.
    #[serde(default = "ten_minutes")]
    pub interval: GoDuration,

    /// How long each action may take where it has no timeout of its own, as a duration such as 5m or 90s.
    #[serde(default = "five_minutes")]
    pub timeout: GoDuration,

    /// How the release is installed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub install: Install,

    /// How the release is upgraded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub upgrade: Upgrade,

    /// How the release goes back to its last good revision after a failed upgrade.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rollback: Rollback,

    /// How the release is uninstalled.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uninstall: Uninstall,

    /// Whether and how the chart's tests run after an install or upgrade. Not there yet: enable is refused in this
    /// version.
    #[serde(default, skip_serializing_if = "is_default")]
    pub test: Test,

    /// What happens to the definitions in the chart's crds folder: Skip leaves them out, Create adds those that the
    /// cluster lacks, CreateReplace also updates those that it has. They are never deleted.
    #[serde(default)]
    pub crds: CrdsPolicy,

    /// True installs without holding the values against the chart's values.schema.json, as helm's
    /// --skip-schema-validation does: for a schema that is wrong, or that refers to an address without a way there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disable_schema_validation: bool,

    /// How helm writes objects: enabled, as if left out, by server-side apply; disabled as helm 3 and --server-side=false
    /// do, for charts that server-side apply refuses, such as one that names a variable of a container twice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub server_side_apply: ServerSideApply,

    /// Whether objects and releases that exist already may be taken over: Never, SameRelease (those that carry this
    /// release's name in Helm's annotations), or Always.
    #[serde(default)]
    pub take_ownership: TakeOwnership,

    /// What happens when installed objects are changed or deleted by somebody else.
    #[serde(default, skip_serializing_if = "is_default")]
    pub drift_detection: DriftDetection,

    /// How many revisions of the release are kept, for rollbacks and helm history.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 100))]
    pub history_limit: u32,

    /// A ServiceAccount in the namespace of this Component as which Helm acts, and the controller where it changes what
    /// the chart installs. Left out, it is the one that the controller's operator has chosen for all, or the controller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,

    /// What happens to the release when this Component is deleted: Uninstall removes it, Orphan leaves it.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// True follows newer stable versions when version is empty.
    #[serde(default, skip_serializing_if = "is_false")]
    pub auto_upgrade: bool,
}

impl Default for ComponentSpec {
    fn default() -> Self {
        Self {
            enabled: true,
            version: String::new(),
            chart: ChartSource::default(),
            values: Map::new(),
            values_from: Vec::new(),
            depends_on: Vec::new(),
            auto_install_dependencies: true,
            suspend: false,
            interval: ten_minutes(),
            timeout: five_minutes(),
            install: Install::default(),
            upgrade: Upgrade::default(),
            rollback: Rollback::default(),
            uninstall: Uninstall::default(),
            test: Test::default(),
            crds: CrdsPolicy::default(),
            disable_schema_validation: false,
            server_side_apply: ServerSideApply::default(),
            take_ownership: TakeOwnership::default(),
            drift_detection: DriftDetection::default(),
            history_limit: five(),
            service_account_name: None,
            deletion_policy: DeletionPolicy::default(),
            auto_upgrade: false,
        }
    }
}

impl Component {
    /// The Component's own name; empty only for an object that no API server has seen.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// The chart's name: the one in the spec, else the Component's own (docs/components.md 1.2).
    pub fn chart_name(&self) -> &str {
        given(self.spec.chart.name.as_deref()).unwrap_or(self.name())
    }

    /// The release's name: the one in the spec, else the Component's own.
    pub fn release_name(&self) -> &str {
        given(self.spec.chart.release_name.as_deref()).unwrap_or(self.name())
    }

    /// True if its release is to go, whatever else changes.
    pub fn is_leaving(&self) -> bool {
        (self.metadata.deletion_timestamp.is_some() || !self.spec.enabled) && !self.is_left_alone()
    }

    /// Its release: namespace and name.
    pub fn release(&self) -> (String, String) {
        let name = self.release_name().to_owned();
        (self.target_namespace().to_owned(), name)
    }

    /// The namespace that the release goes to; [`names::DEFAULT_NAMESPACE`] if the spec has none or an empty one.
    pub fn target_namespace(&self) -> &str {
        given(Some(&self.spec.chart.namespace)).unwrap_or(names::DEFAULT_NAMESPACE)
    }

    /// True if nothing may be done to the release: suspended, skipped or installed by other means.
    pub fn is_left_alone(&self) -> bool {
        self.spec.suspend
            || self.is_marked(names::annotation::SKIP_RECONCILE)
            || self.is_marked(names::annotation::PRE_INSTALLED)
    }

    /// True if the annotation `key` says `"true"`, the only spelling that the published controller knows.
    pub fn is_marked(&self, key: &str) -> bool {
        let annotations = self.metadata.annotations.as_ref();
        annotations.is_some_and(|all| all.get(key).is_some_and(|value| value == "true"))
    }
}

/// Text that says something; the published definition lets users write `""` for nothing.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn yes() -> bool {
    true
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn five() -> u32 {
    5
}

fn five_minutes() -> GoDuration {
    "5m".parse().expect("a duration")
}

fn ten_minutes() -> GoDuration {
    "10m".parse().expect("a duration")
}

#[cfg(test)]
mod tests;
