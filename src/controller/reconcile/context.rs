//! What every reconcile has at hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use crate::api_error::{is_conflict, is_not_found};
use crate::chart::version::Version;
use crate::component::Component;
use crate::config::ControllerConfig;
use crate::controller::charts::Charts;
use crate::controller::crds::kept::KeptDefinitions;
use crate::controller::events::Events;
use crate::controller::lease::Elector;
use crate::controller::metrics::ControllerMetrics;
use crate::controller::objects::Objects;
use crate::controller::reconcile::memory::Memory;
use crate::controller::slots::Slots;
use crate::controller::store::Store;
use crate::controller::workqueue::WorkQueueHandle;
use crate::release::installer::Installer;
use crate::release::operation::ReleaseKey;
use crate::release::record::{Record, RecordError, secret_name};

/// The controller's means, shared by all reconciles.
pub struct Context {
    /// The cluster.
    pub cluster: Cluster,
    /// The chart repository.
    pub charts: Charts,
    /// What changes releases, and who may.
    pub work: Work,
    /// Events about Components.
    pub events: Arc<Events>,
    /// The metrics.
    pub metrics: Arc<ControllerMetrics>,
    /// Asks for reconciles.
    pub queue: WorkQueueHandle,
    /// What was configured.
    pub config: ControllerConfig,
    /// What is remembered of each Component.
    pub memory: Memory,
}

/// The cluster: what the watches have told of it, and the way to it.
pub struct Cluster {
    /// The API server.
    pub client: Client,
    /// What the API server has told.
    pub store: Arc<Store>,
    /// Definitions that were kept although their release dropped them.
    pub kept: KeptDefinitions,
    /// Objects of any kind.
    pub objects: Arc<Objects>,
    /// The same with the rights of accounts.
    pub accounts: Mutex<HashMap<String, Arc<Objects>>>,
    /// The API server's version at the start.
    pub server_version: Version,
}

/// What changes releases, and who may.
pub struct Work {
    /// Changes releases.
    pub installer: Arc<dyn Installer>,
    /// Who may run it now.
    pub slots: Slots,
    /// This process, among all that ever were.
    pub identity: String,
    /// The candidate that has the Lease; `None` if nobody is elected.
    pub elector: Option<Arc<Elector>>,
    /// Ends Helm's children: the program stops, or another replica works now.
    pub stop: CancellationToken,
}

/// A reconcile could not go on for a reason that is nobody's fault here and will pass.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The API server refused or could not be reached.
    #[error("the API server did not do what was asked")]
    Kube(#[from] kube::Error),
    /// Somebody else changed the object at the same time.
    #[error("the Component changed while it was looked at")]
    Conflict,
    /// Another replica may work by now.
    #[error("the lease was not renewed in time: another replica may work now")]
    NotLeading,
    /// Reading in the background failed.
    #[error("a task died")]
    Task(#[from] tokio::task::JoinError),
}

impl Work {
    /// True while nobody else can be at work: asked right before anything that must not be done twice.
    pub fn is_leading(&self) -> bool {
        let elector = self.elector.as_ref();
        elector.is_none_or(|elector| elector.is_leading())
    }
}

/// The most accounts that are remembered; beyond it all are forgotten.
const MOST_ACCOUNTS: usize = 256;

impl Context {
    /// Objects of any kind with the rights that this Component has.
    pub fn objects_of(&self, component: &Component) -> Arc<Objects> {
        let home = component.metadata.namespace.as_deref().unwrap_or_default();
        let named = component.spec.service_account_name.as_deref();
        match self.config.bounds.user(home, named) {
            Some(user) => self.cluster.acting_as(user),
            None => Arc::clone(&self.cluster.objects),
        }
    }
}

impl Cluster {
    fn acting_as(&self, user: String) -> Arc<Objects> {
        let mut accounts = self.accounts.lock().expect("nobody panics with this lock");
        if let Some(known) = accounts.get(&user) {
            return Arc::clone(known);
        }
        // Components come and go, and with them their accounts
        if accounts.len() >= MOST_ACCOUNTS {
            accounts.clear();
        }
        let objects = Arc::new(self.objects.acting_as(&user));
        accounts.insert(user, Arc::clone(&objects));
        objects
    }

    /// Components of a namespace.
    pub fn components(&self, namespace: &str) -> Api<Component> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Secrets of a release's namespace.
    pub fn secrets(&self, release: &ReleaseKey) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &release.0)
    }

    /// One revision's whole record, read from its Secret; `None` if there is no such revision.
    pub async fn record(
        &self,
        release: &ReleaseKey,
        number: i64,
    ) -> Result<Option<Result<Record, RecordError>>, ReconcileError> {
        match self.secret(release, number).await? {
            Some(secret) => Ok(Some(decode(secret).await?)),
            None => Ok(None),
        }
    }

    /// The Secret of one revision.
    pub async fn secret(
        &self,
        release: &ReleaseKey,
        number: i64,
    ) -> Result<Option<Secret>, ReconcileError> {
        let name = secret_name(&release.1, number);
        Ok(self.secrets(release).get_opt(&name).await?)
    }

    /// Writes the status of `component`, whose version must still be the one in the API server.
    ///
    /// # Errors
    /// [`ReconcileError::Conflict`] if it is not.
    pub async fn write_status(&self, component: &Component) -> Result<Component, ReconcileError> {
        let api = self.components(component.metadata.namespace.as_deref().unwrap_or_default());
        let written = api
            .replace_status(component.name(), &PostParams::default(), component)
            .await;
        written.map_err(changed)
    }
}

/// That an object is gone or another by now is a conflict.
pub fn changed(error: kube::Error) -> ReconcileError {
    if is_conflict(&error) || is_not_found(&error) {
        ReconcileError::Conflict
    } else {
        error.into()
    }
}

/// Reads a record; inflating and parsing may take a while.
pub async fn decode(secret: Secret) -> Result<Result<Record, RecordError>, ReconcileError> {
    let data = payload(secret);
    Ok(tokio::task::spawn_blocking(move || Record::decode(&data)).await?)
}

/// The bytes of a release Secret.
pub fn payload(mut secret: Secret) -> Vec<u8> {
    let data = secret.data.as_mut().and_then(|data| data.remove("release"));
    data.map(|bytes| bytes.0).unwrap_or_default()
}

/// Now, on the wall.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A number between -1 and 1.
pub fn jitter() -> f64 {
    let random = uuid::Uuid::new_v4().as_u128() as u32;
    f64::from(random) / f64::from(u32::MAX) * 2.0 - 1.0
}
