//! The composition root: builds the store, the repository and the HTTP surface, runs them, shuts them down.

mod garbage;
mod limits;

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use http::HeaderValue;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::app::limits::Memory;
use crate::causes::chain;
use crate::chart::archive::Limits;
use crate::config::{ApiRoutes, Auth, Config, ControllerAlone, Depth, Latency, Storage};
use crate::controller;
use crate::listener::{self, ClientShare, Listening, ResponseBudget, ServeLimits};
use crate::metrics::Metrics;
use crate::oci::registry::{Collected, Registry};
use crate::oci::route;
use crate::oci::token::Key;
use crate::repository::key::Tenant;
use crate::repository::lock::Sharing;
use crate::repository::root::StorageRoot;
use crate::repository::store::ChartStore;
use crate::repository::{ChartRepository, Settings, watch as storage_watch};
use crate::server::auth::{Authorizer, BasicAuth};
use crate::server::oci::{OciAuth, OciState};
use crate::server::readers::Readers;
use crate::server::request_log::RequestLog;
use crate::server::tenancy::PathRules;
use crate::server::upload::slots::UploadSlots;
use crate::server::upload::{FormFields, UploadRules};
use crate::server::welcome::Welcome;
use crate::server::{self, ServerState, Site};
use crate::telemetry;

/// The deepest tenants that are scanned for with `--depth-dynamic`; deeper ones are loaded on request.
const DEEPEST_TENANT: usize = 8;
/// A changed index is written to the storage when it has not changed for this long.
const STATEFILE_REST: Duration = Duration::from_secs(2);
/// It is written after this long in any case.
const STATEFILE_PATIENCE: Duration = Duration::from_secs(30);
/// Two writes this close may leave the same time stamp: FAT has even seconds only.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);
/// How often the existence of the storage directory is checked.
const LOOK_AT_ROOT: Duration = Duration::from_secs(1);
/// A process that was told to stop, or killed, has given the storage directory back after this long.
const PREDECESSOR_LEAVES: Duration = Duration::from_secs(2);
/// How often it is looked at.
const LOOK_AGAIN_FOR_PREDECESSOR: Duration = Duration::from_millis(50);
/// So many new packages are opened whole in a fraction of a second; for more, a start does not wait for that.
const PEEK_FROM: usize = 500;
/// Pause before a start-up scan that failed is tried again.
const RETRY_SCAN: Duration = Duration::from_secs(2);

/// Serves until told to stop by SIGTERM or SIGINT.
pub async fn run(config: Config) -> anyhow::Result<()> {
    limits::raise_descriptors();
    let socket = listener::bind(&config.listen.host, config.listen.port).await?;
    let probes = match &config.listen.probe_bind_address {
        Some(address) => {
            let host = address.host.as_deref().unwrap_or(&config.listen.host);
            Some(listener::bind(host, address.port).await?)
        }
        None => None,
    };
    let tls = match &config.tls {
        Some(tls) => Some(listener::tls_acceptor(&tls.cert, &tls.key)?),
        None => None,
    };
    let address = socket.local_addr().context("the listener has no address")?;
    let stopping = CancellationToken::new();
    tokio::spawn(Stop::new()?.requested(stopping.clone()));
    let repository = Arc::new(open_repository(&config, true)?);
    hold_storage(&config, &repository).await?;
    let (min_depth, max_depth) = tenant_depths(&config);
    let (set_ready, ready) = watch::channel(false);
    let (set_helm, helm) = watch::channel(None);
    let registry = garbage::registry(&config, &repository);
    let state = Arc::new(server_state(
        &config,
        Arc::clone(&repository),
        registry.clone(),
        ready,
        helm,
    )?);
    let limits = ServeLimits {
        read_timeout: config.listen.read_timeout,
        write_timeout: config.listen.write_timeout,
        is_transfer: |uri| route::is_transfer(uri.path()),
        ..ServeLimits::default()
    };
    let log = RequestLog::new(
        config.logging.health,
        config.logging.latency == Latency::Nanoseconds,
    );
    let service = server::service(Arc::clone(&state), log);

    let mut background = JoinSet::new();
    background.spawn(keep_index(
        Arc::clone(&repository),
        min_depth,
        max_depth,
        config.index.cache_interval,
        set_ready,
    ));
    background.spawn(keep_statefiles(Arc::clone(&repository)));
    let again = Arc::clone(&repository);
    background.spawn(async move { again.keep_reading().await });
    let behind = Arc::clone(&repository);
    background.spawn(async move { behind.keep_verifying().await });
    if let Some((registry, oci)) = registry.zip(config.oci.clone()) {
        background.spawn(garbage::collect_on_schedule(registry, oci));
    }

    let controller = config.controller.clone().map(|controller| {
        let next_door = controller::Repository {
            url: own_url(&config, address),
            changes: Some(repository.changes()),
            helm: Some(set_helm),
        };
        tokio::spawn(controller::run(controller, next_door, stopping.clone()))
    });
    let mut controller = Controlling(controller);
    info!(host = %address.ip(), port = address.port(), "Starting ChartMuseum-compatible chartroom");
    if let Some(listener) = probes {
        let address = listener
            .local_addr()
            .context("the listener has no address")?;
        info!(host = %address.ip(), port = address.port(), "Health, readiness and metrics have a port of their own");
        let listening = Listening {
            listener,
            tls: None,
            limits: ServeLimits::for_probes(),
            share: ClientShare::default(),
            budget: state.budget.clone(),
            service: server::probes(&state),
        };
        // asked for as long as the server lives, also while it finishes
        background.spawn(async move {
            listener::serve(listening, std::future::pending()).await;
        });
    }
    let listening = Listening {
        listener: socket,
        tls,
        limits,
        share: limits::client_share(&config.listen),
        budget: state.budget.clone(),
        service,
    };
    let serving = listener::serve(listening, stopping.clone().cancelled_owned());
    let cut = tokio::select! {
        cut = serving => cut,
        failure = failure_of(&mut background) => return Err(failure),
        failure = controller.failed(&stopping) => return Err(failure),
    };
    controller.ended().await?;
    if cut > 0 {
        error!(
            connections = cut,
            "Connections were cut: their requests did not finish in time"
        );
    }
    background.shutdown().await;
    repository.write_statefiles(DateTime::<Utc>::MAX_UTC).await;
    info!("Stopped");
    Ok(())
}

/// Runs the controller alone until told to stop by SIGTERM or SIGINT.
///
/// # Errors
/// The controller cannot work, or must not any more.
pub async fn run_controller(config: ControllerAlone) -> anyhow::Result<()> {
    let stopping = CancellationToken::new();
    tokio::spawn(Stop::new()?.requested(stopping.clone()));
    let url = config.controller.repository_url.clone();
    let repository = controller::Repository {
        url: url.context("--repository-url is missing")?,
        changes: None,
        helm: None,
    };
    controller::run(config.controller, repository, stopping).await?;
    info!("Stopped");
    Ok(())
}

/// The controller beside the server, if there is one.
struct Controlling(Option<JoinHandle<anyhow::Result<()>>>);

impl Controlling {
    /// Completes when the controller has ended without being asked to.
    async fn failed(&mut self, stopping: &CancellationToken) -> anyhow::Error {
        let Some(task) = &mut self.0 else {
            return std::future::pending().await;
        };
        let ended = task.await;
        self.0 = None;
        match ended {
            Err(cause) => anyhow::Error::new(cause).context("the controller died"),
            Ok(Err(cause)) => cause.context("the controller cannot work"),
            Ok(Ok(())) if stopping.is_cancelled() => std::future::pending().await,
            Ok(Ok(())) => anyhow::anyhow!("the controller ended by itself"),
        }
    }

    /// Waits for the controller to end after it was asked to.
    async fn ended(self) -> anyhow::Result<()> {
        match self.0 {
            Some(task) => task.await.context("the controller died")?,
            None => Ok(()),
        }
    }
}

/// The URL at which the controller reaches the server of its own process: loopback, never a name that a cluster's DNS
/// would have to resolve (docs/components.md 17, item 1).
fn own_url(config: &Config, address: SocketAddr) -> String {
    let configured = config
        .controller
        .as_ref()
        .and_then(|controller| controller.repository_url.clone());
    if let Some(url) = configured {
        return url;
    }
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let host = match address.ip() {
        ip if !ip.is_unspecified() => SocketAddr::new(ip, address.port()),
        IpAddr::V4(_) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        IpAddr::V6(_) => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()),
    };
    let credentials = match &config.auth {
        Auth::Basic { user, password, .. } => {
            let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            format!("{}:{}@", encoded(user), encoded(password.expose()))
        }
        Auth::Open => String::new(),
    };
    format!(
        "{scheme}://{credentials}{host}{}",
        config.tenancy.context_path.trim_end_matches('/')
    )
}

/// Completes when a task that should live as long as the server has died: a server whose index no longer follows the
/// storage must not go on as if it did.
async fn failure_of(background: &mut JoinSet<()>) -> anyhow::Error {
    loop {
        match background.join_next().await {
            Some(Ok(())) => {}
            Some(Err(cause)) => return anyhow::Error::new(cause).context("a background task died"),
            None => std::future::pending().await,
        }
    }
}

/// Removes what nobody needs from the registry, or says what that would be.
pub async fn collect_garbage(config: Config, is_dry_run: bool) -> anyhow::Result<Collected> {
    let repository = Arc::new(open_repository(&config, false)?);
    garbage::collect(&config, repository, is_dry_run).await
}

/// Prints the root tenant's index.
pub async fn gen_index(config: Config) -> anyhow::Result<()> {
    let repository = open_repository(&config, false)?;
    let index = repository
        .index(&Tenant::root())
        .await
        .context("the index cannot be made")?;
    let mut stdout = std::io::stdout().lock();
    index
        .parts()
        .try_for_each(|part| stdout.write_all(part))
        .context("standard output cannot be written")?;
    stdout.flush().context("standard output cannot be written")
}

/// The signals that end the program.
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Completes with the first signal; a second one ends the process at once.
    async fn requested(mut self, stopping: CancellationToken) {
        tokio::select! {
            _ = self.terminate.recv() => info!(signal = "SIGTERM", "Stopping: finishing what is in flight"),
            _ = self.interrupt.recv() => info!(signal = "SIGINT", "Stopping: finishing what is in flight"),
        }
        stopping.cancel();
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        error!("Stopped by a second signal");
        telemetry::flush();
        std::process::exit(1);
    }
}

/// Makes sure that no other server has the storage directory: two that do not know of each other would each list what
/// the other has replaced.
async fn hold_storage(config: &Config, repository: &ChartRepository) -> anyhow::Result<()> {
    let Storage::Local { shared, .. } = &config.storage;
    let Some(root) = repository.store().root() else {
        return Ok(());
    };
    let sharing = if *shared {
        Sharing::Shared
    } else {
        Sharing::Alone
    };
    let patience = tokio::time::Instant::now() + PREDECESSOR_LEAVES;
    loop {
        match root.hold(sharing) {
            Ok(()) => return Ok(()),
            Err(_) if tokio::time::Instant::now() < patience => {
                tokio::time::sleep(LOOK_AGAIN_FOR_PREDECESSOR).await;
            }
            Err(holder) => anyhow::bail!(
                "the storage directory {} is served by another chartroom ({holder}): stop that one, give this one a \
                 directory of its own, or start each of them with --shared-storage",
                root.path().display()
            ),
        }
    }
}

/// `serves` is for a caller that will write: what a crash left is finished and removed. A reader may share the storage
/// with a running server, and opens every package whole.
fn open_repository(config: &Config, serves: bool) -> anyhow::Result<ChartRepository> {
    let Storage::Local { root_dir, shared } = &config.storage;
    if let Some(directory) = &config.builtin_charts {
        refuse_missing_directory(directory)?;
    }
    let store = ChartStore::local(root_dir).map_err(|error| anyhow::anyhow!(chain(&error)))?;
    let settings = Settings {
        format: config.index.format,
        chart_url: config.index.chart_url.clone().unwrap_or_default(),
        context_path: config.tenancy.context_path.clone(),
        builtin_charts: config.builtin_charts.clone(),
        limits: Limits::default(),
        entry_limit: config.upload.max_index_entry_size.map(NonZeroUsize::get),
        index_limit: config.upload.max_index_size.map(|limit| limit.get() as u64),
        peek_from: if serves { PEEK_FROM } else { usize::MAX },
        per_chart_limit: config.upload.per_chart_limit.map(NonZeroUsize::get),
        max_storage_objects: config.upload.max_storage_objects.map(NonZeroUsize::get),
        scan_parallelism: config
            .index
            .read_limit
            .map_or_else(cores, NonZeroUsize::get),
        timestamp_tolerance: config.index.timestamp_tolerance,
        always_regenerate: config.index.always_regenerate,
        statefiles: config.index.statefiles,
        sweep: serves,
        shared: *shared,
    };
    Ok(ChartRepository::new(store, settings))
}

fn refuse_missing_directory(directory: &Path) -> anyhow::Result<()> {
    std::fs::read_dir(directory).with_context(|| {
        format!(
            "built-in charts cannot be read from {} (--builtin-charts)",
            directory.display()
        )
    })?;
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, NonZeroUsize::get)
}

/// The depths between which tenants are scanned for.
fn tenant_depths(config: &Config) -> (usize, usize) {
    match config.tenancy.depth {
        Depth::Fixed(depth) => (depth, depth),
        Depth::Dynamic => (0, DEEPEST_TENANT),
    }
}

fn server_state(
    config: &Config,
    repository: Arc<ChartRepository>,
    registry: Option<Arc<Registry>>,
    ready: watch::Receiver<bool>,
    helm: watch::Receiver<Option<String>>,
) -> anyhow::Result<ServerState> {
    let memory = Memory::of(config);
    let paths = PathRules {
        context_path: config.tenancy.context_path.clone(),
        depth: config.tenancy.depth,
        api: config.api != ApiRoutes::None,
        static_files: config.web_template_path.is_some(),
        metrics: config.metrics,
    };
    let authorizer = match &config.auth {
        Auth::Open => Authorizer::Open,
        Auth::Basic {
            user,
            password,
            anonymous_get,
        } => Authorizer::Basic(BasicAuth::new(user, password.expose(), *anonymous_get)),
    };
    let uploads = UploadRules {
        max_size: config.upload.max_upload_size,
        overwrite: config.upload.overwrite,
        delete: config.api == ApiRoutes::All,
        form_fields: FormFields {
            chart: config.upload.chart_form_field.clone(),
            provenance: config.upload.prov_form_field.clone(),
        },
        slots: UploadSlots::new(
            memory.uploads,
            config.upload.max_upload_size,
            config.upload.min_rate,
        ),
    };
    let cors_allow_origin = config
        .cors_allow_origin
        .as_ref()
        .map(HeaderValue::try_from)
        .transpose();
    let metrics = config.metrics.then(|| Arc::new(Metrics::new()));
    if let (Some(metrics), Some(registry)) = (&metrics, &registry) {
        metrics.show_registry(registry.counters());
    }
    Ok(ServerState {
        oci: registry.map(|registry| OciState {
            registry,
            routes: config.api,
            auth: oci_auth(config),
        }),
        repository,
        paths,
        authorizer,
        uploads,
        budget: ResponseBudget::new(memory.responses),
        readers: Readers::new(cores()),
        site: Site {
            cors_allow_origin: cors_allow_origin
                .context("--cors-alloworigin is no header value")?,
            welcome: config
                .web_template_path
                .as_deref()
                .map_or_else(Welcome::default, Welcome::from_directory),
            artifact_hub_ids: config.artifact_hub_ids.clone(),
            ready,
            helm,
            metrics,
        },
    })
}

/// Tokens are for a registry that has users. They are worth nothing after a restart: clients then get new ones.
fn oci_auth(config: &Config) -> OciAuth {
    let with_tokens = config.oci.as_ref().is_some_and(|oci| oci.tokens);
    if !with_tokens || config.auth == Auth::Open {
        return OciAuth::Basic;
    }
    let random = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes);
    OciAuth::Token {
        key: Key::new(&random.concat()),
        is_https: config.tls.is_some(),
    }
}

/// Builds the first index, then keeps it in step with the storage. The port is open meanwhile.
async fn keep_index(
    repository: Arc<ChartRepository>,
    min_depth: usize,
    max_depth: usize,
    interval: Option<Duration>,
    set_ready: watch::Sender<bool>,
) {
    while let Err(cause) = repository.load_all(min_depth, max_depth).await {
        error!(
            error = chain(&cause),
            "Storage cannot be read: trying again"
        );
        tokio::time::sleep(RETRY_SCAN).await;
        if let Some(root) = repository.store().root() {
            adopt(root).await;
        }
    }
    set_ready.send_replace(true);
    let watch = async {
        loop {
            let watching = async {
                storage_watch::watch(Arc::clone(&repository), min_depth, max_depth).await;
                // there is nothing to watch: the interval still compares
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = watching => {}
                () = root_lost(&repository) => {}
            }
            set_ready.send_replace(false);
            find_root_again(&repository, min_depth, max_depth).await;
            set_ready.send_replace(true);
        }
    };
    let compare = async {
        let Some(interval) = interval else { return };
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if repository.store().check_root().await.is_ok() {
                repository.rescan_all(min_depth, max_depth).await;
            }
        }
    };
    tokio::join!(watch, compare);
}

/// Completes when the storage directory is gone or replaced.
async fn root_lost(repository: &ChartRepository) {
    let Some(root) = repository.store().root() else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(LOOK_AT_ROOT).await;
        if repository.store().check_root().await.is_err() || root.trouble().is_some() {
            return;
        }
    }
}

/// Waits until there is a directory at the storage's path again, and reads it.
async fn find_root_again(repository: &ChartRepository, min_depth: usize, max_depth: usize) {
    let Some(root) = repository.store().root() else {
        return;
    };
    while !adopt(root).await {
        tokio::time::sleep(LOOK_AT_ROOT).await;
    }
    warn!(
        directory = %root.path().display(),
        "Storage directory is back: it is read again, and what is in it now is served"
    );
    repository.rescan_all(min_depth, max_depth).await;
}

/// False if there is no directory that can be the storage.
async fn adopt(root: &Arc<StorageRoot>) -> bool {
    let root = Arc::clone(root);
    let adopted = tokio::task::spawn_blocking(move || root.adopt().is_ok()).await;
    adopted.expect("looking at a directory does not panic")
}

/// Writes changed indexes to the storage, with a delay.
async fn keep_statefiles(repository: Arc<ChartRepository>) {
    let mut changes = repository.changes();
    while changes.changed().await.is_ok() {
        let patience = tokio::time::sleep(STATEFILE_PATIENCE);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                () = &mut patience => break,
                rested = tokio::time::timeout(STATEFILE_REST, changes.changed()) => match rested {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return,
                    Err(_) => break,
                },
            }
        }
        repository
            .write_statefiles(Utc::now() - COARSEST_CLOCK)
            .await;
    }
}
