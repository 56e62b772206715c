//! A Component as the network sees it.

use crate::component::conditions::{ConditionType, Reason};
use crate::component::names::{annotation, label};
use crate::component::{Component, DeletionPolicy};
use crate::controller::network::{Member, Progress};
use crate::controller::report::find;
use crate::controller::world::{key_of, release_of};
use crate::topology::{Requirement, VersionRange};

/// What is read off the object: spec, metadata and the status that earlier passes wrote.
pub fn member(component: &Component) -> Member {
    let status = component.status.clone().unwrap_or_default();
    let ready = find(&status.conditions, ConditionType::Ready);
    let is_true =
        |about| find(&status.conditions, about).is_some_and(|known| known.status == "True");
    let is_preinstalled = component.is_marked(annotation::PRE_INSTALLED);
    let labels = component.metadata.labels.as_ref();
    Member {
        key: key_of(&component.metadata),
        chart_name: component.chart_name().to_owned(),
        release: release_of(component),
        enabled: component.spec.enabled,
        deleting: component.metadata.deletion_timestamp.is_some(),
        left_alone: is_left_alone(component),
        implicit: labels.is_some_and(|all| {
            all.get(label::IMPLICIT)
                .is_some_and(|value| value == "true")
        }),
        is_settled: status.observed_generation == component.metadata.generation,
        ready: is_true(ConditionType::Ready)
            && ready.is_some_and(|ready| ready.reason != Reason::Disabled.as_str()),
        released: is_preinstalled || is_true(ConditionType::Released),
        progress: Progress {
            phase: status.phase.clone(),
            reason: ready.map(|ready| ready.reason.clone()).unwrap_or_default(),
            message: ready.map(|ready| ready.message.clone()).unwrap_or_default(),
        },
        version: status.resolved_version.clone(),
        depends_on: depends_on(component),
        recorded: status.dependencies,
        auto_install: component.spec.auto_install_dependencies,
        allow_break: component.is_marked(annotation::ALLOW_BREAK_DEPENDENTS),
        orphan: component.spec.deletion_policy == DeletionPolicy::Orphan,
        created: component
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0),
    }
}

/// `spec.dependsOn`. A range that cannot be read counts as any version here: validation refuses it.
pub fn depends_on(component: &Component) -> Vec<Requirement> {
    let of_spec = component.spec.depends_on.iter();
    of_spec
        .map(|dependency| Requirement {
            name: dependency.name.clone(),
            namespace: dependency.namespace.clone(),
            range: VersionRange::parse(dependency.version.as_deref().unwrap_or_default())
                .unwrap_or_default(),
            chart: None,
            optional: Some(dependency.optional),
            values: None,
        })
        .collect()
}

/// True if nothing may be done to the release: suspended, skipped or installed by other means.
pub fn is_left_alone(component: &Component) -> bool {
    component.spec.suspend
        || component.is_marked(annotation::SKIP_RECONCILE)
        || component.is_marked(annotation::PRE_INSTALLED)
}
