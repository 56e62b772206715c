//! What must be there first: asked of the planner, written down, and created where it is missing
//! (docs/components.md 11.3 and 11.6).

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::component::conditions::{ConditionType, Reason};
use crate::component::names::label;
use crate::component::{ChartSource, Component, ComponentSpec};
use crate::controller::charts::{ChartVersion, ChartsError, FetchedChart};
use crate::controller::context::{PassError, is_conflict, is_not_found};
use crate::controller::crds::FIELD_MANAGER;
use crate::controller::pass::Pass;
use crate::controller::world::Seen;
use crate::planner::{
    Available, DependencyCheck, ImplicitComponent, Lookup, Planner, Retarget, Verdict,
};

/// What the specification of an implicit Component was when it was made: an edit makes it the user's.
const MADE_FROM: &str = "ext.theriseunion.io/made-from";

impl Pass<'_> {
    /// Whether the dependencies let this Component go on, if it has anywhere to go.
    pub(super) async fn gate(
        &mut self,
        chart: &FetchedChart,
    ) -> Result<DependencyCheck, PassError> {
        let planner = self.context.world.planner();
        let mut available = Available::default();
        for lookup in planner.lookups(&self.key, &chart.requires) {
            match lookup {
                Lookup::Chart(chart) => {
                    if let Some(versions) = self.versions(&chart).await {
                        available.charts.insert(&chart, versions);
                    }
                }
                Lookup::Release(namespace, name) => {
                    if let Some(version) = self.external(&namespace, &name).await? {
                        available.releases.insert((namespace, name), version);
                    }
                }
            }
        }
        let gate = planner.check(&self.key, &chart.requires, &available);
        self.draft.status.dependencies = gate.dependencies.clone();
        match &gate.verdict {
            Verdict::Ready { reason, message } => {
                self.draft
                    .is_true(ConditionType::DependenciesReady, *reason, message);
            }
            Verdict::Waiting { reason, message } | Verdict::Stalled { reason, message } => {
                self.draft
                    .is_false(ConditionType::DependenciesReady, *reason, message);
            }
        }
        Ok(gate)
    }

    /// The versions of a chart in the repository; `None` if it does not answer.
    async fn versions(&self, chart: &str) -> Option<Vec<ChartVersion>> {
        match self.context.charts.versions(None, chart).await {
            Ok(versions) => Some(versions),
            // the repository has answered, too
            Err(ChartsError::ChartNotFound { .. }) => Some(Vec::new()),
            Err(_) => None,
        }
    }

    /// Creates what is missing and moves what was created before to a range that suits all. Only for who has something
    /// to install: what runs already does not bring back what somebody took away on purpose.
    pub(super) async fn provide(&mut self, gate: &DependencyCheck) -> Result<(), PassError> {
        for wanted in &gate.create {
            self.create(wanted).await?;
        }
        for moved in &gate.retarget {
            self.retarget(moved).await?;
        }
        Ok(())
    }

    /// The chart version of a deployed release of that name, in that namespace or in the one that this release goes to.
    async fn external(&self, namespace: &str, name: &str) -> Result<Option<String>, PassError> {
        for namespace in [namespace, self.component.target_namespace()] {
            let release = (namespace.to_owned(), name.to_owned());
            if self.context.world.revisions(&release).is_empty() {
                continue;
            }
            let observed = self
                .context
                .observe(&self.key_of_external(&release), &release)
                .await?;
            if let Some(record) = observed.record()
                && record.status == crate::release::record::ReleaseStatus::Deployed
            {
                return Ok(Some(record.chart.version.clone()));
            }
        }
        Ok(None)
    }

    /// What is remembered of a release without a Component is kept under a key that no Component has.
    fn key_of_external(&self, release: &(String, String)) -> crate::node_key::NodeKey {
        crate::node_key::NodeKey::new(&format!("release:{}", release.0), &release.1)
    }

    async fn create(&mut self, wanted: &ImplicitComponent) -> Result<(), PassError> {
        let spec = ComponentSpec {
            version: wanted.version.clone(),
            chart: ChartSource {
                name: Some(wanted.chart.clone()).filter(|chart| *chart != wanted.key.name),
                namespace: wanted.target_namespace.clone(),
                ..ChartSource::default()
            },
            values: match &wanted.values {
                Some(Value::Object(values)) => values.clone(),
                _ => serde_json::Map::new(),
            },
            ..ComponentSpec::default()
        };
        let mut component = Component::new(&wanted.key.name, spec);
        component.metadata.namespace = Some(wanted.key.namespace.clone());
        component.metadata.labels = Some(BTreeMap::from([(
            label::IMPLICIT.to_owned(),
            "true".to_owned(),
        )]));
        component.metadata.annotations = Some(BTreeMap::from([(
            MADE_FROM.to_owned(),
            made_from(&component.spec),
        )]));
        let api = self.context.components(&wanted.key.namespace);
        let parameters = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        match api.create(&parameters, &component).await {
            Ok(created) => {
                self.context.world.apply(Seen::Usable(Box::new(created)));
                self.context.waker.wake(&wanted.key);
                let note = format!(
                    "created Component {} (chart {} {}) because {} requires it",
                    wanted.key,
                    wanted.chart,
                    if wanted.version.is_empty() {
                        "in its newest version"
                    } else {
                        &wanted.version
                    },
                    wanted.required_by
                );
                let action = format!("Create/{}", wanted.key.name);
                self.tell(Reason::DependencyCreated, &action, &note).await;
                Ok(())
            }
            // another requirer was faster
            Err(cause) if is_conflict(&cause) => Ok(()),
            Err(cause) => Err(cause.into()),
        }
    }

    /// Moves an implicit Component to another range; one that its user changed is left alone.
    async fn retarget(&mut self, moved: &Retarget) -> Result<(), PassError> {
        let Some(seen) = self.context.world.component(&moved.key) else {
            return Ok(());
        };
        let Some(component) = seen.usable() else {
            return Ok(());
        };
        if !is_as_made(component) || component.spec.version == moved.version {
            return Ok(());
        }
        let spec = ComponentSpec {
            version: moved.version.clone(),
            ..component.spec.clone()
        };
        let patch = json!({
            "metadata": {
                "resourceVersion": component.metadata.resource_version,
                "annotations": {MADE_FROM: made_from(&spec)},
            },
            "spec": {"version": moved.version},
        });
        let api = self.context.components(&moved.key.namespace);
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patched = api
            .patch(&moved.key.name, &parameters, &Patch::Merge(patch))
            .await;
        match patched {
            Ok(_) => Ok(()),
            Err(cause) if is_conflict(&cause) || is_not_found(&cause) => Ok(()),
            Err(cause) => Err(cause.into()),
        }
    }

    /// An implicit Component that nobody has required for a while is deleted; a user's edit makes it the user's own.
    pub(super) async fn collect_if_unneeded(
        &mut self,
        planner: &Planner,
    ) -> Result<Option<Duration>, PassError> {
        let labels = self.component.metadata.labels.as_ref();
        if labels.is_none_or(|all| !all.contains_key(label::IMPLICIT)) {
            return Ok(None);
        }
        if !is_as_made(&self.component) {
            self.disown().await?;
            return Ok(None);
        }
        if !planner.unneeded(&self.key) {
            self.context.remember(&self.key, |memory| {
                memory.unneeded = None;
                memory.grace_timer = false;
            });
            return Ok(None);
        }
        let since = self.context.remember(&self.key, |memory| {
            *memory.unneeded.get_or_insert_with(Instant::now)
        });
        let grace = self.context.config.implicit_grace;
        let waited = since.elapsed();
        if waited < grace {
            // it is brought to what it should be until then, and looked at again when the time is over
            let waker = self.context.waker.clone();
            let (key, rest) = (self.key.clone(), grace - waited);
            if self.context.remember(&self.key, |memory| {
                !std::mem::replace(&mut memory.grace_timer, true)
            }) {
                tokio::spawn(async move {
                    tokio::time::sleep(rest + Duration::from_millis(100)).await;
                    waker.wake(&key);
                });
            }
            return Ok(None);
        }
        let api = self.context.components(&self.key.namespace);
        let Some(now) = api.get_metadata_opt(&self.key.name).await? else {
            return Err(PassError::Conflict);
        };
        if is_claimed(&now.metadata) {
            self.disown().await?;
            return Ok(None);
        }
        let parameters = DeleteParams::default().preconditions(Preconditions {
            uid: self.component.metadata.uid.clone(),
            resource_version: self.component.metadata.resource_version.clone(),
        });
        match api.delete(&self.key.name, &parameters).await {
            Ok(_) => {
                let note = "nobody requires it any more";
                self.tell(Reason::DependencyCollected, "Collect", note)
                    .await;
                Ok(Some(Duration::from_secs(1)))
            }
            Err(cause) if is_conflict(&cause) || is_not_found(&cause) => Err(PassError::Conflict),
            Err(cause) => Err(cause.into()),
        }
    }

    /// The label goes: a user has taken the Component over.
    async fn disown(&mut self) -> Result<(), PassError> {
        self.patch_metadata(json!({
            "labels": {label::IMPLICIT: null},
            "annotations": {MADE_FROM: null},
        }))
        .await
    }
}

/// The digest of a specification.
fn made_from(spec: &ComponentSpec) -> String {
    let value = serde_json::to_value(spec).unwrap_or_default();
    let text = crate::component::canonical_json::text(&value);
    crate::chart::digest::Sha256Hex::of(text.as_bytes()).to_string()
}

/// True if somebody else has said something about the specification, be it the same.
fn is_claimed(metadata: &ObjectMeta) -> bool {
    let mut entries = metadata.managed_fields.iter().flatten();
    entries.any(|entry| {
        let fields = entry.fields_v1.as_ref();
        entry.manager.as_deref() != Some(FIELD_MANAGER)
            && fields.is_some_and(|fields| fields.0.get("f:spec").is_some())
    })
}

/// True if nobody has changed the specification since it was made.
fn is_as_made(component: &Component) -> bool {
    let annotations = component.metadata.annotations.as_ref();
    let made = annotations.and_then(|all| all.get(MADE_FROM));
    made.is_some_and(|made| *made == made_from(&component.spec))
}
