//! Flags, environment and config file, turned into one validated [`Config`].
//!
//! Everything here is pure: flags, environment and files come in as parameters. The options are rows of
//! [`options::OPTIONS`]; the rules are docs/chartmuseum.md 8.

mod controller;
mod error;
mod file;
pub mod options;
mod settings;
mod validate;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::controller::{BindAddress, ControllerAlone, ControllerConfig, LeaseTimes};
pub use self::error::{ConfigError, Origin, Source};

use self::file::ConfigFile;
use self::options::{OPTIONS, Opt};
use self::settings::Settings;

/// A flag of a command line: its option, and the value as it was typed.
pub type TypedFlag = (&'static Opt, String);

/// The validated configuration of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where and how long to listen.
    pub listen: Listen,
    /// HTTPS instead of HTTP.
    pub tls: Option<Tls>,
    /// Value of `Access-Control-Allow-Origin` on API routes; printable ASCII.
    pub cors_allow_origin: Option<String>,
    /// Authentication.
    pub auth: Auth,
    /// Where uploads are kept.
    pub storage: Storage,
    /// Directory of the built-in charts (chart directories and packages).
    pub builtin_charts: Option<PathBuf>,
    /// How the index is made and kept fresh.
    pub index: Index,
    /// What may be uploaded.
    pub upload: Upload,
    /// How URLs name tenants.
    pub tenancy: Tenancy,
    /// Which API routes exist.
    pub api: ApiRoutes,
    /// The distribution API, if it is served.
    pub oci: Option<Oci>,
    /// Directory of a custom welcome page.
    pub web_template_path: Option<PathBuf>,
    /// Artifact Hub repository IDs by tenant; the root tenant is the empty string.
    pub artifact_hub_ids: BTreeMap<String, String>,
    /// Serve `/metrics`.
    pub metrics: bool,
    /// What is logged, and how.
    pub logging: Logging,
    /// Print the root tenant's index in the format of `index` and exit, instead of serving.
    pub gen_index: bool,
    /// The Component controller, if it runs in this process too.
    pub controller: Option<ControllerConfig>,
    /// Sentences to log at start: options that are deprecated or change nothing.
    pub warnings: Vec<String>,
}

/// Where and how long to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Address or host name, never empty; an IPv6 address without brackets.
    pub host: String,
    /// Port; 0 lets the system choose.
    pub port: u16,
    /// How long a whole request may take to arrive; `None` is for ever.
    pub read_timeout: Option<Duration>,
    /// How long a whole response may take to leave; `None` is for ever.
    pub write_timeout: Option<Duration>,
    /// Bytes of all responses on their way; `None` leaves it to the server.
    pub response_memory: Option<NonZeroUsize>,
    /// Connections of one address while there are few left; `None` is no limit.
    pub connections_per_client: Option<NonZeroUsize>,
    /// Addresses without that limit, and how many bits of each count.
    pub trusted_proxies: Vec<(IpAddr, u8)>,
    /// Where health, readiness and metrics are served besides, without a host on that above; `None` is nowhere.
    pub probe_bind_address: Option<BindAddress>,
}

/// Files for HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM certificate chain.
    pub cert: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}

/// Who may do what (docs/chartmuseum.md 9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Everybody may do everything.
    Open,
    /// One user, by HTTP basic authentication.
    Basic {
        /// The user's name, not empty.
        user: String,
        /// The user's password, not empty.
        password: Secret,
        /// Pull routes need no credentials.
        anonymous_get: bool,
    },
}

/// A text that must not appear in logs: its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where uploads are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In a directory of this machine.
    Local {
        /// The directory, as given: it may be relative and need not exist yet.
        root_dir: PathBuf,
        /// Other servers write to it too.
        shared: bool,
    },
}

/// How the index is made and kept fresh (docs/chartmuseum.md 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// How it is written.
    pub format: IndexFormat,
    /// Absolute base of the chart URLs, without a slash at its end; relative URLs if `None`.
    pub chart_url: Option<String>,
    /// How often storage is listed for changes behind the server's back; `None` is never.
    pub cache_interval: Option<Duration>,
    /// List storage before every read.
    pub always_regenerate: bool,
    /// Packages read at once in a scan; `None` leaves it to the server.
    pub read_limit: Option<NonZeroUsize>,
    /// How much later than indexed a file may be dated and still count as unchanged.
    pub timestamp_tolerance: Duration,
    /// Keep `index-cache.yaml` beside the packages.
    pub statefiles: bool,
}

/// How the index is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexFormat {
    /// JSON (which is YAML too), one chart version a line.
    Json,
    /// Block-style YAML.
    Yaml,
}

/// What may be uploaded (docs/chartmuseum.md 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Bytes of one request body; 0 allows none.
    pub max_upload_size: u64,
    /// Bytes of large request bodies held in memory at once; `None` leaves it to the server.
    pub memory: Option<NonZeroUsize>,
    /// Bytes a second that the sender of a large body has to send; 0 is any.
    pub min_rate: u64,
    /// Bytes of metadata that one version may bring into the index; `None` is no limit.
    pub max_index_entry_size: Option<NonZeroUsize>,
    /// Bytes of all indexes together; `None` is no limit.
    pub max_index_size: Option<NonZeroUsize>,
    /// Files kept in one tenant; `None` is no limit.
    pub max_storage_objects: Option<NonZeroUsize>,
    /// Versions kept of one chart; `None` is no limit.
    pub per_chart_limit: Option<NonZeroUsize>,
    /// When an existing version is replaced.
    pub overwrite: Overwrite,
    /// Form field for packages that counts besides `chart`; may be empty.
    pub chart_form_field: String,
    /// Form field for provenance files that counts besides `prov`; may be empty.
    pub prov_form_field: String,
}

/// When an upload replaces an existing version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Never.
    Never,
    /// If the query has the key `force`.
    WithForce,
    /// Always.
    Always,
}

/// How URLs name tenants (docs/chartmuseum.md 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenancy {
    /// How many path segments.
    pub depth: Depth,
    /// Prefix of every path: empty, or `/` and segments without a slash at the end.
    pub context_path: String,
}

/// How many path segments name a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Always this many; at 0 there is the root tenant only.
    Fixed(usize),
    /// As many as there are (docs/chartmuseum.md 2.3).
    Dynamic,
}

/// Which routes under `/api` exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiRoutes {
    /// None.
    None,
    /// All but `DELETE`.
    WithoutDelete,
    /// All.
    All,
}

/// The distribution API (docs/oci.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oci {
    /// What a manifest may name that is not there.
    pub sparse: Sparse,
    /// Clients are asked for a token instead of a password.
    pub tokens: bool,
    /// Bytes of one blob; `None` is no limit.
    pub max_blob: Option<u64>,
    /// How often what nobody needs is removed; `None` is never.
    pub gc_interval: Option<Duration>,
    /// How long it is kept all the same.
    pub gc_grace: Duration,
    /// Bytes free below which it is removed at once; 0 is never.
    pub gc_low_water: u64,
}

/// What a manifest may name that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sparse {
    /// Nothing.
    None,
    /// An index its manifests: a site may have those of its own platforms alone.
    Index,
    /// Anything.
    All,
}

/// What is logged, and how (docs/chartmuseum.md 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logging {
    /// From which level on.
    pub level: LogLevel,
    /// How a line is written.
    pub format: LogFormat,
    /// How a request's latency is written.
    pub latency: Latency,
    /// Log successful health requests too.
    pub health: bool,
}

/// From which level on messages are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Errors only.
    Error,
    /// Warnings and errors.
    Warn,
    /// Info, warnings and errors.
    Info,
    /// Debug messages too.
    Debug,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Tab-separated, for people.
    Text,
    /// One JSON object.
    Json,
}

/// How a request's latency is written in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    /// As Go writes durations: `92.409µs`.
    Text,
    /// As a number of nanoseconds.
    Nanoseconds,
}

impl Config {
    /// Merges flags, environment and config file, and validates the result.
    ///
    /// # Errors
    /// The configuration is invalid: the message says what is wrong, and what would be accepted.
    pub fn load(
        flags: &[TypedFlag],
        env: impl Fn(&str) -> Option<OsString>,
        read_file: impl Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Self, ConfigError> {
        let (settings, warnings) = settings(OPTIONS.iter(), flags, env, read_file)?;
        let mut config = validate::config(&settings, warnings)?;
        if !settings.bool("gen-index") {
            return Ok(config);
        }
        if matches!(config.tenancy.depth, Depth::Fixed(1..)) {
            config
                .warnings
                .push("--gen-index has no effect with --depth above 0".to_owned());
            return Ok(config);
        }
        // users who redirect the printed index expect ChartMuseum's output
        if !settings.is_set("json-index") {
            config.index.format = IndexFormat::Yaml;
        }
        config.gen_index = true;
        Ok(config)
    }
}

impl ControllerAlone {
    /// As [`Config::load`], for the controller without a server.
    ///
    /// # Errors
    /// The configuration is invalid, or no repository is named.
    pub fn load(
        flags: &[TypedFlag],
        env: impl Fn(&str) -> Option<OsString>,
        read_file: impl Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Self, ConfigError> {
        let options = OPTIONS.iter().filter(|option| option.is_for_controller());
        let (settings, warnings) = settings(options, flags, env, read_file)?;
        validate::controller_alone(&settings, warnings)
    }
}

/// The values of these options, and warnings about the config file.
fn settings(
    options: impl Iterator<Item = &'static Opt>,
    flags: &[TypedFlag],
    env: impl Fn(&str) -> Option<OsString>,
    read_file: impl Fn(&Path) -> io::Result<Vec<u8>>,
) -> Result<(Settings, Vec<String>), ConfigError> {
    let file = match settings::config_path(flags, &env)? {
        Some(path) => Some(ConfigFile::read(Path::new(&path), read_file)?),
        None => None,
    };
    let settings = Settings::resolve(options, flags, env, file.as_ref())?;
    let mut warnings = Vec::new();
    if let Some(file) = file.filter(|file| !file.unknown.is_empty()) {
        let keys = file.unknown.join(", ");
        warnings.push(format!(
            "config file {} has keys that no option has: {keys}",
            file.path.display()
        ));
    }
    Ok((settings, warnings))
}

/// What `--version` prints, without a line end.
pub fn version() -> String {
    let build = option_env!("CHARTROOM_BUILD_REV").map(|revision| format!(" (build {revision})"));
    format!(
        "chartroom version {}{}",
        env!("CARGO_PKG_VERSION"),
        build.unwrap_or_default()
    )
}
