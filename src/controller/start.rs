//! Starting and stopping: helm is checked, the cluster found, the lease taken, and then Components are looked at until
//! the program ends or another replica takes over.

mod term;

use std::collections::HashSet;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::bounds::AllowedRepositories;
use crate::causes::chain;
use crate::chart::digest::Sha256Hex;
use crate::chart::version::Version;
use crate::component::conditions::Reason;
use crate::config::ControllerConfig;
use crate::controller::charts::{Charts, ChartsSettings};
use crate::controller::crds::kept::KeptDefinitions;
use crate::controller::events::{EventKind, Events};
use crate::controller::holder::Holder;
use crate::controller::lease::{Elector, Leadership};
use crate::controller::metrics::ControllerMetrics;
use crate::controller::objects::Objects;
use crate::controller::probes::{self, ReadyState};
use crate::controller::reconcile::context::{Cluster, Context, Work};
use crate::controller::reconcile::memory::Memory;
use crate::controller::reconcile::reconcile;
use crate::controller::slots::Slots;
use crate::controller::start::term::Term;
use crate::controller::store::Store;
use crate::controller::workqueue::{self, WorkQueue, WorkQueueHandle};
use crate::controller::{holder, namespace, watch as watches};
use crate::planner::Node;
use crate::release::helm::{self, Helm, HelmSettings};

/// Pause between attempts to reach the API server at start.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(2);
/// Between SIGTERM and SIGKILL for a helm that is past its deadline.
const GRACE: Duration = Duration::from_secs(30);
/// How often gauges are brought up to date.
const GAUGES: Duration = Duration::from_secs(5);
/// Several changes of the repository in this time are one.
const REPOSITORY_REST: Duration = Duration::from_millis(100);
/// The largest package that is fetched, in bytes; a release can hold far less.
const MAX_PACKAGE: u64 = 20 << 20;
/// A helm child may use so much memory before its garbage collector works harder, in bytes: three at once, with what is
/// mapped beside it, stay below what the pod may have.
const HELM_MEMORY: u64 = 128 << 20;
/// A helm child's heap may grow by so much, in percent, before it is collected. A run is short: with Go's own 100 a sixth
/// of a small chart's CPU goes into collecting what ends with the process anyway; above 200 it only takes more memory.
const HELM_GOGC: u32 = 200;

/// The chart repository next door.
pub struct Repository {
    /// Its address, with credentials if it wants them.
    pub url: String,
    /// Counts its changes, if it runs in this process.
    pub changes: Option<watch::Receiver<u64>>,
    /// Is told which version of Helm the controller runs, such as `4.3.1`, if it runs in this process.
    pub helm: Option<watch::Sender<Option<String>>>,
}

/// Runs the controller until `stop`.
///
/// # Errors
/// helm or the cluster's address is not usable, or the lease was lost: then nothing of it runs any more, and the
/// process must end.
pub async fn run(
    config: ControllerConfig,
    repository: Repository,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let config = at_home(config);
    let metrics = Arc::new(ControllerMetrics::new());
    let (readiness, ready) = watch::channel(not_yet("helm is being looked for"));
    let probes = probes::bind(
        config.health_probe_bind_address.as_ref(),
        config.metrics_bind_address.as_ref(),
        ready,
        Arc::clone(&metrics),
    )
    .await?;
    let mut background = JoinSet::new();
    background.spawn(probes.serve());
    let identity = Holder::myself().to_string();
    let helm = usable_helm(&config, &identity)?;
    check_helm(&helm, &repository).await?;
    let cluster = cluster(config.kubeconfig.as_deref()).await?;
    let own_namespace = cluster.default_namespace.clone();
    let client = Client::try_from(cluster).context("the API server's address is not usable")?;
    readiness.send_replace(not_yet("the API server does not answer"));
    let Some(server_version) = reached(&client, &stop).await else {
        return Ok(());
    };

    let elector = config
        .leader_elect
        .then(|| elector(&config, client.clone(), &own_namespace, &identity));
    let mut leadership = None;
    if let Some(elector) = &elector {
        // a replica that stands by is as ready as it can be
        readiness.send_replace(ReadyState::Ready);
        let lease = &config.lease_name;
        info!(identity, lease, "Controller: waiting for the lease");
        match elector.acquire(&stop).await {
            Some(taken) => leadership = Some(taken),
            None => return Ok(()),
        }
    }
    metrics.leader(true);
    readiness.send_replace(not_yet("Components are being listed"));

    let children = CancellationToken::new();
    let (handle, queue) = workqueue::work_queue();
    let context = context(ContextParts {
        config,
        repository: &repository,
        client,
        helm,
        queue: handle,
        metrics,
        identity,
        server_version,
        elector: elector.clone(),
        children: children.clone(),
    })?;
    let context = Arc::new(context);
    if let (Some(elector), Some(leadership)) = (&elector, &leadership) {
        tell_of_leadership(&context, elector, leadership);
    }
    let synced = start_watches(&context, &mut background);
    for_ever(
        &context,
        &mut background,
        synced.clone(),
        repository.changes,
    );
    let end = CancellationToken::new();
    let working = tokio::spawn(work(context, queue, synced, readiness, end.clone()));
    let term = Term {
        working,
        background,
        lease: elector.zip(leadership),
        children,
        end,
    };
    term.run(&stop).await
}

/// Outside of a pod, and with nothing else said, repositories on this machine may be used too.
fn at_home(mut config: ControllerConfig) -> ControllerConfig {
    let repositories = &mut config.bounds.repositories;
    if env::var_os("KUBERNETES_SERVICE_HOST").is_none()
        && *repositories == AllowedRepositories::default()
    {
        *repositories = AllowedRepositories::on_a_desk();
    }
    config
}

fn not_yet(why: &str) -> ReadyState {
    ReadyState::NotYet(why.to_owned())
}

/// What goes on beside the reconciles.
fn for_ever(
    context: &Arc<Context>,
    background: &mut JoinSet<()>,
    synced: [watch::Receiver<bool>; 2],
    changes: Option<watch::Receiver<u64>>,
) {
    background.spawn(namespace_labels(Arc::clone(context)));
    background.spawn(gauges(Arc::clone(context), synced));
    background.spawn(repository_changes(Arc::clone(context), changes));
}

/// Checks Helm's version, and tells the repository which it is.
async fn check_helm(helm: &Helm, repository: &Repository) -> anyhow::Result<()> {
    let version = helm.version().await?;
    info!(helm = version, "Controller: helm is usable");
    if let Some(told) = &repository.helm {
        told.send_replace(Some(helm::bare(&version).to_owned()));
    }
    Ok(())
}

/// The candidate for the Lease, in its own namespace if none is given.
fn elector(
    config: &ControllerConfig,
    client: Client,
    own_namespace: &str,
    identity: &str,
) -> Arc<Elector> {
    let namespace = config.leader_elect_namespace.as_deref();
    let namespace = namespace.unwrap_or(own_namespace);
    let elector = Elector::new(
        client,
        namespace,
        &config.lease_name,
        identity,
        config.lease,
    );
    Arc::new(elector)
}

/// Reconciles until `end`, once all that there is has been listed.
async fn work(
    context: Arc<Context>,
    queue: WorkQueue,
    mut synced: [watch::Receiver<bool>; 2],
    readiness: watch::Sender<ReadyState>,
    end: CancellationToken,
) {
    tokio::select! {
        () = end.cancelled() => return,
        () = all_synced(&mut synced) => {}
    }
    readiness.send_replace(ReadyState::Ready);
    let components = context.cluster.store.keys().len();
    info!(components, "Controller: ready");
    let at_once = context.config.reconciles;
    queue
        .run(at_once, end, move |key| {
            reconcile(Arc::clone(&context), key)
        })
        .await;
}

/// What a [`Context`] is made of.
struct ContextParts<'a> {
    config: ControllerConfig,
    repository: &'a Repository,
    client: Client,
    helm: Helm,
    queue: WorkQueueHandle,
    metrics: Arc<ControllerMetrics>,
    identity: String,
    server_version: Version,
    elector: Option<Arc<Elector>>,
    children: CancellationToken,
}

fn context(parts: ContextParts<'_>) -> anyhow::Result<Context> {
    let cache_dir = cache_dir(&parts.config);
    let charts = Charts::new(ChartsSettings {
        repository: parts.repository.url.clone(),
        named: parts.config.service_url.clone(),
        cache_dir: cache_dir.join("charts"),
        cache_size: parts.config.chart_cache_size,
        max_index: parts.config.helm_index_max_size,
        max_package: MAX_PACKAGE,
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(30),
        ca_file: None,
        allowed: parts.config.bounds.repositories.clone(),
    })
    .context("charts cannot be fetched")?
    .listening_to(parts.repository.changes.clone());
    let slots = {
        let queue = parts.queue.clone();
        Slots::new(
            parts.config.concurrency,
            Arc::new(move |key| queue.add_now(key)),
        )
    };
    Ok(Context {
        charts,
        queue: parts.queue,
        events: Arc::new(Events::new(parts.client.clone(), &parts.identity)),
        metrics: parts.metrics,
        config: parts.config,
        memory: Memory::default(),
        cluster: Cluster {
            store: Arc::new(Store::new()),
            kept: KeptDefinitions::default(),
            objects: Arc::new(Objects::new(parts.client.clone())),
            accounts: Mutex::default(),
            server_version: parts.server_version,
            client: parts.client,
        },
        work: Work {
            installer: Arc::new(parts.helm),
            slots,
            identity: parts.identity,
            elector: parts.elector,
            stop: parts.children,
        },
    })
}

fn cache_dir(config: &ControllerConfig) -> PathBuf {
    let given = config.cache_dir.clone();
    given.unwrap_or_else(|| env::temp_dir().join("chartroom"))
}

/// Finds helm; it gets just the variables that lead to the cluster, and whose it is.
fn usable_helm(config: &ControllerConfig, identity: &str) -> anyhow::Result<Helm> {
    let path = env::var_os("PATH");
    let binary = helm::find(config.helm_binary.as_deref(), path.as_deref())?;
    let home = cache_dir(config).join("helm");
    std::fs::create_dir_all(&home)
        .with_context(|| format!("{} cannot be made; set --chart-cache-dir", home.display()))?;
    let mut environment: Vec<(OsString, OsString)> =
        vec![(holder::VARIABLE.into(), identity.into())];
    let mut pass_on = |name: &str| {
        if let Some(value) = env::var_os(name) {
            environment.push((name.into(), value));
        }
    };
    pass_on("KUBERNETES_SERVICE_HOST");
    pass_on("KUBERNETES_SERVICE_PORT");
    match &config.kubeconfig {
        Some(path) => environment.push(("KUBECONFIG".into(), path.into())),
        None => {
            // without one, the user's own file is what the client finds too
            if let Some(home) = env::var_os("HOME") {
                let own = Path::new(&home).join(".kube/config");
                if env::var_os("KUBERNETES_SERVICE_HOST").is_none() && own.exists() {
                    environment.push(("KUBECONFIG".into(), own.into()));
                }
            }
        }
    }
    Ok(Helm::new(HelmSettings {
        binary,
        home,
        environment,
        grace: GRACE,
        memory_limit: Some(HELM_MEMORY),
        gogc: Some(HELM_GOGC),
        launcher: None,
    }))
}

/// The way to the cluster.
///
/// # Errors
/// The kubeconfig cannot be used, or there is neither one nor a pod's account.
pub async fn cluster(kubeconfig: Option<&Path>) -> anyhow::Result<kube::Config> {
    let mut config = match kubeconfig {
        Some(path) => {
            let unusable = || format!("the kubeconfig {} cannot be used", path.display());
            // several files, as kubectl takes them
            let mut file = Kubeconfig::default();
            for one in env::split_paths(path) {
                let read = Kubeconfig::read_from(one).with_context(unusable)?;
                file = file.merge(read).with_context(unusable)?;
            }
            kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
                .await
                .with_context(|| format!("the kubeconfig {} cannot be used", path.display()))?
        }
        None => kube::Config::infer().await.context(
            "no way to a cluster was found: run in a pod with a service account, or set --kubeconfig",
        )?,
    };
    config.connect_timeout = Some(Duration::from_secs(5));
    config.write_timeout = Some(Duration::from_secs(30));
    // a watch is silent for minutes
    config.read_timeout = Some(Duration::from_secs(310));
    Ok(config)
}

/// Waits until the API server answers, and says its version; `None` if the program is to stop before.
async fn reached(client: &Client, stop: &CancellationToken) -> Option<Version> {
    let mut was_told = false;
    loop {
        let answer = tokio::select! {
            () = stop.cancelled() => return None,
            answer = tokio::time::timeout(Duration::from_secs(10), client.apiserver_version()) => answer,
        };
        let trouble = match answer {
            Ok(Ok(info)) => match Version::parse(&info.git_version) {
                Some(version) => {
                    info!(
                        kubernetes = info.git_version,
                        "Controller: the API server answers"
                    );
                    return Some(version);
                }
                None => format!("it calls itself {}", info.git_version),
            },
            Ok(Err(cause)) => chain(&cause),
            Err(_) => "no answer within 10 s".to_owned(),
        };
        if !was_told {
            warn!(
                error = trouble,
                "Controller: the API server does not answer; waiting for it"
            );
            was_told = true;
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(BETWEEN_ATTEMPTS) => {}
        }
    }
}

fn start_watches(
    context: &Arc<Context>,
    background: &mut JoinSet<()>,
) -> [watch::Receiver<bool>; 2] {
    let (components_synced, components) = watch::channel(false);
    let (releases_synced, releases) = watch::channel(false);
    {
        let context = Arc::clone(context);
        background.spawn(async move {
            let (store, queue) = (Arc::clone(&context.cluster.store), context.queue.clone());
            let namespace = context.config.watch_namespace.as_deref();
            let client = context.cluster.client.clone();
            watches::components(client, namespace, store, queue, components_synced).await;
        });
    }
    let (store, queue) = (Arc::clone(&context.cluster.store), context.queue.clone());
    background.spawn(watches::releases(
        context.cluster.client.clone(),
        store,
        queue,
        releases_synced,
    ));
    background.spawn(watches::crds(Arc::clone(context)));
    [components, releases]
}

async fn all_synced(synced: &mut [watch::Receiver<bool>; 2]) {
    for one in synced {
        // the sender lives as long as the watch, which never ends
        if one.wait_for(|synced| *synced).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Says in the log and on the Lease who works from now on, and after whom.
fn tell_of_leadership(context: &Arc<Context>, elector: &Elector, leadership: &Leadership) {
    let (before, term) = (leadership.before(), leadership.transitions);
    info!(
        identity = leadership.identity,
        lease = context.config.lease_name,
        term,
        before,
        "Controller: this replica works now"
    );
    let note = format!("{} works from now on: {before}", leadership.identity);
    let (context, lease) = (Arc::clone(context), elector.reference());
    // beside the work: nothing depends on it
    tokio::spawn(async move {
        let (reason, action) = (Reason::LeaderAcquired, format!("Lead/{term}"));
        let events = Arc::clone(&context.events);
        (events.send(&lease, EventKind::Normal, reason, &action, &note)).await;
    });
}

/// Binds the namespaces that are there already (docs/components.md 2.3), once.
async fn namespace_labels(context: Arc<Context>) {
    let labels = &context.config.namespace_labels;
    if let Err(cause) = namespace::label_system_namespaces(&context.cluster.client, labels).await {
        warn!(
            error = chain(&cause),
            "Controller: system namespaces could not be labelled"
        );
    }
    std::future::pending().await
}

/// Gauges, and which packages must not leave the cache.
async fn gauges(context: Arc<Context>, mut synced: [watch::Receiver<bool>; 2]) {
    // nothing may leave the cache before it is known what is needed
    all_synced(&mut synced).await;
    loop {
        tokio::time::sleep(GAUGES).await;
        let components = context.cluster.store.components();
        let mut needed: HashSet<Sha256Hex> = HashSet::new();
        let mut rows = Vec::new();
        for component in components.iter().filter_map(|seen| seen.usable()) {
            let status = component.status.as_ref();
            let digests = status.into_iter().flat_map(|status| {
                let history = status
                    .history
                    .iter()
                    .filter_map(|entry| entry.chart_digest.as_deref());
                history.chain(status.chart_digest.as_deref())
            });
            needed.extend(digests.filter_map(Sha256Hex::parse_named));
            let node = Node::of(component);
            let phase = node.progress.phase.as_ref().map(ToString::to_string);
            rows.push((
                node.key,
                phase.unwrap_or_default(),
                node.version,
                node.ready,
            ));
        }
        context.charts.keep(needed);
        context
            .metrics
            .set_components(rows.iter().map(|(key, phase, version, ready)| {
                (
                    key.name.as_str(),
                    key.namespace.as_str(),
                    phase.as_str(),
                    version.as_deref().unwrap_or_default(),
                    *ready,
                )
            }));
        context.metrics.chart_bytes(context.charts.fetched_bytes());
        let (used, total) = context.work.slots.in_use();
        context.metrics.slots(used, total);
        context.metrics.queue_depth(context.work.slots.waiting());
    }
}

/// Every Component is looked at again when the repository has changed.
async fn repository_changes(context: Arc<Context>, changes: Option<watch::Receiver<u64>>) {
    let add_all = || {
        let keys = context.cluster.store.keys();
        keys.iter().for_each(|key| context.queue.add(key));
    };
    match changes {
        Some(mut changes) => {
            while changes.changed().await.is_ok() {
                tokio::time::sleep(REPOSITORY_REST).await;
                changes.mark_unchanged();
                add_all();
            }
            std::future::pending().await
        }
        None => loop {
            context.charts.changes(context.config.safety_poll).await;
            add_all();
        },
    }
}
