//! How each of Helm's actions is done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::component::GoDuration;

/// How the release is installed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Install {
    /// How long an install may take, as a duration such as 5m; spec.timeout if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,

    /// What to wait for: watcher for every object to be ready, hookOnly for hooks alone, legacy as Helm 3 waited.
    #[serde(default)]
    pub wait: Wait,

    /// True also waits for Jobs to complete.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub wait_for_jobs: bool,

    /// True leaves out the chart's hooks.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub disable_hooks: bool,

    /// What follows a failed first install: Reinstall removes what there is and starts again, Keep goes on from what
    /// there is, Auto reinstalls only charts with install hooks. Either way it is tried until it works.
    #[serde(default)]
    pub on_failure: InstallFailure,
}

/// How the release is upgraded.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// How long an upgrade may take, as a duration such as 5m; spec.timeout if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,

    /// What to wait for: watcher for every object to be ready, hookOnly for hooks alone, legacy as Helm 3 waited.
    #[serde(default)]
    pub wait: Wait,

    /// True also waits for Jobs to complete.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub wait_for_jobs: bool,

    /// True leaves out the chart's hooks.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub disable_hooks: bool,

    /// How many times a failed upgrade is tried before the last good revision is kept until something changes.
    #[serde(default = "three")]
    #[schemars(range(min = 0, max = 1000))]
    pub retries: u32,

    /// What follows a failed attempt: Rollback returns to the last good revision, Keep leaves things as they are.
    #[serde(default)]
    pub on_failure: UpgradeFailure,

    /// True sends whole objects in place of their changes, as helm's --force-replace does. Fields that Kubernetes does
    /// not let change stay a failure.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub force_replace: bool,

    /// Whether objects that a failed upgrade created are deleted.
    #[serde(default = "super::yes")]
    pub cleanup_on_fail: bool,
}

impl Default for Upgrade {
    fn default() -> Self {
        Self {
            timeout: None,
            wait: Wait::default(),
            wait_for_jobs: false,
            disable_hooks: false,
            retries: three(),
            on_failure: UpgradeFailure::default(),
            force_replace: false,
            cleanup_on_fail: true,
        }
    }
}

fn three() -> u32 {
    3
}

/// How the release goes back to its last good revision.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollback {
    /// How long a rollback may take, as a duration such as 5m; spec.timeout if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,

    /// What to wait for: watcher for every object to be ready, hookOnly for hooks alone, legacy as Helm 3 waited.
    #[serde(default)]
    pub wait: Wait,

    /// True also waits for Jobs to complete.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub wait_for_jobs: bool,

    /// True leaves out the chart's hooks.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub disable_hooks: bool,
}

/// How the release is uninstalled.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Uninstall {
    /// How long an uninstall may take, as a duration such as 5m; spec.timeout if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,

    /// What to wait for: watcher for every object to be gone, hookOnly for hooks alone, legacy as Helm 3 waited.
    #[serde(default)]
    pub wait: Wait,

    /// True leaves out the chart's hooks.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub disable_hooks: bool,

    /// How what belongs to a deleted object goes: background after it, foreground before it, orphan not at all.
    #[serde(default)]
    pub cascade: Cascade,

    /// True keeps the release's history, for helm rollback.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub keep_history: bool,
}

/// Whether and how the chart's tests run after an install or upgrade.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Test {
    /// True runs the chart's tests after each install and upgrade.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub enable: bool,

    /// How long the tests may take, as a duration such as 5m; spec.timeout if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,

    /// Which tests run; all if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<TestFilter>,

    /// True reports failed tests and goes on.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub ignore_failures: bool,
}

/// A test that runs, or that does not.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestFilter {
    /// The test's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// True leaves this test out; else only the tests so named run.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub exclude: bool,
}

/// What Helm waits for, as its flag `--wait` spells it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Wait {
    /// Every object, watched.
    #[default]
    Watcher,
    /// Hooks alone.
    HookOnly,
    /// Every object, as Helm 3 polled.
    Legacy,
}

/// What follows a failed first install.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum InstallFailure {
    /// Reinstall if the chart has install hooks, else keep.
    #[default]
    Auto,
    /// Go on from what there is.
    Keep,
    /// Remove what there is and start again.
    Reinstall,
}

/// What follows a failed upgrade.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum UpgradeFailure {
    /// Return to the last good revision.
    #[default]
    Rollback,
    /// Leave things as they are.
    Keep,
}

/// How what belongs to a deleted object goes, as Helm's flag `--cascade` spells it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Cascade {
    /// After it.
    #[default]
    Background,
    /// Before it.
    Foreground,
    /// Not at all.
    Orphan,
}
