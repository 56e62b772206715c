//! Settings in, [`Config`] out: related options are checked together and get a type that has only valid values.

mod controller;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::error::ConfigError;
use crate::config::settings::Settings;
use crate::config::{
    ApiRoutes, Auth, Config, Depth, Index, IndexFormat, Latency, Listen, LogFormat, LogLevel,
    Logging, Oci, Overwrite, Secret, Sparse, Storage, Tenancy, Tls, Upload,
};

pub use self::controller::controller_alone;

const NOT_NEGATIVE: &str = "is negative; write 0 or more";

/// ChartMuseum's storage backends that do not exist here yet.
const LATER_STORAGE: [&str; 9] = [
    "amazon",
    "google",
    "oracle",
    "microsoft",
    "alibaba",
    "openstack",
    "baidu",
    "etcd",
    "tencent",
];

/// Checks the settings and gives them their types.
pub fn config(settings: &Settings, mut warnings: Vec<String>) -> Result<Config, ConfigError> {
    let storage = storage(settings)?;
    refuse_cache(settings)?;
    let auth = auth(settings)?;
    warnings.extend(settings.warnings());
    if auth == Auth::Open && settings.bool("auth-anonymous-get") {
        warnings.push(
            "--auth-anonymous-get has no effect without --basic-auth-user and --basic-auth-pass"
                .to_owned(),
        );
    }
    let chart_url = settings.text("chart-url");
    if !(chart_url.is_empty()
        || chart_url.starts_with("http://")
        || chart_url.starts_with("https://"))
    {
        warnings.push(format!(
            "--chart-url {chart_url:?} is no absolute URL such as https://charts.example: Helm looks for packages at that \
             path below the repository's own address"
        ));
    }
    let listen = listen(settings)?;
    controller::refuse_same_port(settings, &listen)?;
    let controller = controller::beside(settings, &listen)?;
    Ok(Config {
        listen,
        tls: tls(settings)?,
        cors_allow_origin: cors_allow_origin(settings)?,
        auth,
        storage,
        builtin_charts: path(settings, "builtin-charts"),
        index: index(settings)?,
        upload: upload(settings)?,
        tenancy: tenancy(settings)?,
        api: match (
            settings.bool("disable-api"),
            settings.bool("disable-delete"),
        ) {
            (true, _) => ApiRoutes::None,
            (false, true) => ApiRoutes::WithoutDelete,
            (false, false) => ApiRoutes::All,
        },
        oci: oci(settings)?,
        web_template_path: path(settings, "web-template-path"),
        artifact_hub_ids: settings.map("artifact-hub-repo-id").clone(),
        metrics: settings.bool("enable-metrics"),
        logging: logging(settings)?,
        gen_index: false,
        controller,
        warnings,
    })
}

fn listen(settings: &Settings) -> Result<Listen, ConfigError> {
    let host = settings.text("listen-host");
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let port = u16::try_from(settings.int("port"));
    Ok(Listen {
        host: if host.is_empty() {
            "0.0.0.0".to_owned()
        } else {
            host.to_owned()
        },
        port: port.map_err(|_| settings.refuse("port", "is not a port number from 0 to 65535"))?,
        read_timeout: seconds(settings, "read-timeout")?,
        write_timeout: seconds(settings, "write-timeout")?,
        response_memory: limit(settings, "response-memory")?,
        connections_per_client: limit(settings, "max-connections-per-client")?,
        trusted_proxies: networks(settings, "trusted-proxies")?,
        probe_bind_address: controller::address(settings, "probe-bind-address")?,
    })
}

/// `10.0.0.0/8,::1`: addresses, each with the number of bits that count, all of them if it has none.
fn networks(settings: &Settings, flag: &str) -> Result<Vec<(IpAddr, u8)>, ConfigError> {
    let network = |text: &str| {
        let (address, prefix) = text.split_once('/').unzip();
        let address: IpAddr = address.unwrap_or(text).parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(longest), |prefix| prefix.parse().ok())?;
        (prefix <= longest).then_some((address, prefix))
    };
    let texts = settings.text(flag).split(',').map(str::trim);
    let networks: Option<Vec<_>> = texts.filter(|text| !text.is_empty()).map(network).collect();
    networks.ok_or_else(|| {
        let rule = "is not a list of addresses and networks, such as 10.0.0.0/8,::1";
        settings.refuse(flag, rule)
    })
}

fn tls(settings: &Settings) -> Result<Option<Tls>, ConfigError> {
    if !settings.text("tls-ca-cert").is_empty() {
        return Err(ConfigError::NotBuilt {
            origin: settings.origin("tls-ca-cert"),
            feature: "checking of client certificates".to_owned(),
            instead: "leave it out, or let a proxy in front do it",
        });
    }
    let pair = pair(settings, "tls-cert", "tls-key", "HTTPS")?;
    Ok(pair.map(|(cert, key)| Tls {
        cert: PathBuf::from(cert),
        key: PathBuf::from(key),
    }))
}

/// A value that is valid in a header.
fn cors_allow_origin(settings: &Settings) -> Result<Option<String>, ConfigError> {
    let text = settings.text("cors-alloworigin");
    if text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
        return Err(settings.refuse("cors-alloworigin", "is not plain ASCII"));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

fn auth(settings: &Settings) -> Result<Auth, ConfigError> {
    if settings.bool("bearer-auth") {
        return Err(ConfigError::NotBuilt {
            origin: settings.origin("bearer-auth"),
            feature: "bearer tokens".to_owned(),
            instead: "use --basic-auth-user and --basic-auth-pass",
        });
    }
    let pair = pair(
        settings,
        "basic-auth-user",
        "basic-auth-pass",
        "basic authentication",
    )?;
    if settings.text("basic-auth-user").contains(':') {
        // RFC 7617: what follows the first colon is the password
        let rule = "has a colon, which no user name of basic authentication can have";
        return Err(settings.refuse("basic-auth-user", rule));
    }
    Ok(match pair {
        None => Auth::Open,
        Some((user, password)) => Auth::Basic {
            user,
            password: Secret::new(password),
            anonymous_get: settings.bool("auth-anonymous-get"),
        },
    })
}

fn storage(settings: &Settings) -> Result<Storage, ConfigError> {
    let backend = settings.text("storage").to_lowercase();
    if backend.is_empty() {
        return Err(ConfigError::MissingFlags(vec!["--storage"]));
    }
    if LATER_STORAGE.contains(&backend.as_str()) {
        return Err(ConfigError::NotBuilt {
            origin: settings.origin("storage"),
            feature: format!("{backend} storage"),
            instead: "use --storage=local with --storage-local-rootdir",
        });
    }
    if backend != "local" {
        return Err(ConfigError::UnsupportedStorage(
            settings.text("storage").escape_debug().to_string(),
        ));
    }
    let root_dir = settings.text("storage-local-rootdir");
    // a backend that was chosen needs a directory that was chosen; ./chartstorage is for who chose neither
    let directory_left_out =
        settings.is_set("storage") && !settings.is_set("storage-local-rootdir");
    if root_dir.is_empty() || directory_left_out {
        return Err(ConfigError::MissingFlags(vec!["--storage-local-rootdir"]));
    }
    Ok(Storage::Local {
        root_dir: PathBuf::from(root_dir),
        shared: settings.bool("shared-storage"),
    })
}

fn refuse_cache(settings: &Settings) -> Result<(), ConfigError> {
    let store = settings.text("cache");
    match store.to_lowercase().as_str() {
        "" => Ok(()),
        "redis" => Err(ConfigError::NotBuilt {
            origin: settings.origin("cache"),
            feature: "Redis cache".to_owned(),
            instead: "leave it out, the index is kept in memory",
        }),
        _ => Err(ConfigError::UnsupportedCache(
            store.escape_debug().to_string(),
        )),
    }
}

fn index(settings: &Settings) -> Result<Index, ConfigError> {
    let chart_url = settings.text("chart-url").trim_end_matches('/');
    if chart_url.contains(char::is_control) {
        return Err(settings.refuse("chart-url", "is not a URL"));
    }
    Ok(Index {
        format: if settings.bool("json-index") {
            IndexFormat::Json
        } else {
            IndexFormat::Yaml
        },
        chart_url: Some(chart_url.to_owned()).filter(|url| !url.is_empty()),
        cache_interval: Some(duration(settings, "cache-interval")?)
            .filter(|interval| !interval.is_zero()),
        always_regenerate: settings.bool("always-regenerate-chart-index"),
        read_limit: limit(settings, "index-limit")?,
        timestamp_tolerance: duration(settings, "storage-timestamp-tolerance")?,
        statefiles: !settings.bool("disable-statefiles"),
    })
}

fn upload(settings: &Settings) -> Result<Upload, ConfigError> {
    let max_upload_size = u64::try_from(settings.int("max-upload-size"));
    let min_rate = u64::try_from(settings.int("min-upload-rate"));
    Ok(Upload {
        max_upload_size: max_upload_size
            .map_err(|_| settings.refuse("max-upload-size", NOT_NEGATIVE))?,
        memory: limit(settings, "upload-memory")?,
        min_rate: min_rate.map_err(|_| settings.refuse("min-upload-rate", NOT_NEGATIVE))?,
        max_index_entry_size: limit(settings, "max-index-entry-size")?,
        max_index_size: limit(settings, "max-index-size")?,
        max_storage_objects: limit(settings, "max-storage-objects")?,
        per_chart_limit: limit(settings, "per-chart-limit")?,
        overwrite: if settings.bool("allow-overwrite") {
            Overwrite::Always
        } else if settings.bool("disable-force-overwrite") {
            Overwrite::Never
        } else {
            Overwrite::WithForce
        },
        chart_form_field: settings.text("chart-post-form-field-name").to_owned(),
        prov_form_field: settings.text("prov-post-form-field-name").to_owned(),
    })
}

fn tenancy(settings: &Settings) -> Result<Tenancy, ConfigError> {
    let depth = usize::try_from(settings.int("depth"));
    let depth = depth.map_err(|_| settings.refuse("depth", NOT_NEGATIVE))?;
    Ok(Tenancy {
        depth: if settings.bool("depth-dynamic") {
            Depth::Dynamic
        } else {
            Depth::Fixed(depth)
        },
        context_path: context_path(settings)?,
    })
}

/// docs/chartmuseum.md 2.2: one leading `/`, none at the end, nothing for the root.
fn context_path(settings: &Settings) -> Result<String, ConfigError> {
    let path = settings.text("context-path").trim_matches('/');
    if path.is_empty() {
        return Ok(String::new());
    }
    let strange = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '?' | '#' | '\\');
    if path.contains(strange)
        || path
            .split('/')
            .any(|segment| matches!(segment, "" | "." | ".."))
    {
        return Err(settings.refuse(
            "context-path",
            "is not a path of plain segments, such as /charts",
        ));
    }
    Ok(format!("/{path}"))
}

fn logging(settings: &Settings) -> Result<Logging, ConfigError> {
    Ok(Logging {
        latency: if settings.bool("log-latency-integer") {
            Latency::Nanoseconds
        } else {
            Latency::Text
        },
        health: settings.bool("log-health"),
        ..logging_of_any(settings)?
    })
}

/// The log options, which every command that logs has.
fn logging_of_any(settings: &Settings) -> Result<Logging, ConfigError> {
    Ok(Logging {
        level: log_level(settings)?,
        format: if settings.bool("log-json") {
            LogFormat::Json
        } else {
            LogFormat::Text
        },
        latency: Latency::Text,
        health: false,
    })
}

/// Words and numbers as controller-runtime's programs take them. Of `--debug` and `--log-level` the one counts that
/// was set by the source of higher precedence, `--debug` if both were set by the same.
fn log_level(settings: &Settings) -> Result<LogLevel, ConfigError> {
    let level = match settings.text("log-level").to_lowercase().as_str() {
        "" | "info" | "0" => LogLevel::Info,
        "debug" | "trace" => LogLevel::Debug,
        "warn" | "warning" => LogLevel::Warn,
        "error" | "dpanic" | "panic" | "fatal" => LogLevel::Error,
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => LogLevel::Debug,
        _ => {
            let rule = "is not a log level; write debug, info, warn or error";
            return Err(settings.refuse("log-level", rule));
        }
    };
    let debug_is_stronger = settings.origin("debug").source >= settings.origin("log-level").source;
    Ok(if settings.bool("debug") && debug_is_stronger {
        LogLevel::Debug
    } else {
        level
    })
}

/// Both values, or `None` if neither is set; one alone is refused, because it would silently turn the feature off.
fn pair(
    settings: &Settings,
    first: &'static str,
    second: &'static str,
    feature: &'static str,
) -> Result<Option<(String, String)>, ConfigError> {
    let (one, other) = (settings.text(first), settings.text(second));
    match (one.is_empty(), other.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some((one.to_owned(), other.to_owned()))),
        (false, true) => Err(ConfigError::HalfOfPair {
            given: settings.origin(first),
            missing: second,
            feature,
        }),
        (true, false) => Err(ConfigError::HalfOfPair {
            given: settings.origin(second),
            missing: first,
            feature,
        }),
    }
}

fn path(settings: &Settings, flag: &str) -> Option<PathBuf> {
    Some(settings.text(flag))
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

fn oci(settings: &Settings) -> Result<Option<Oci>, ConfigError> {
    let sparse = match settings.text("oci-sparse") {
        "none" => Sparse::None,
        "index" => Sparse::Index,
        "all" => Sparse::All,
        _ => return Err(settings.refuse("oci-sparse", "is neither none nor index nor all")),
    };
    let tokens = match settings.text("oci-auth") {
        "basic" => false,
        "token" => true,
        _ => return Err(settings.refuse("oci-auth", "is neither basic nor token")),
    };
    let bytes =
        |flag| u64::try_from(settings.int(flag)).map_err(|_| settings.refuse(flag, NOT_NEGATIVE));
    let max_blob = bytes("oci-max-blob-size")?;
    let gc_low_water = bytes("oci-gc-low-water")?;
    let gc_interval = duration(settings, "oci-gc-interval")?;
    let gc_grace = duration(settings, "oci-gc-grace")?;
    Ok(settings.bool("oci").then_some(Oci {
        sparse,
        tokens,
        max_blob: Some(max_blob).filter(|bytes| *bytes > 0),
        gc_interval: Some(gc_interval).filter(|interval| !interval.is_zero()),
        gc_grace,
        gc_low_water,
    }))
}

/// A number of which 0 means no limit.
fn limit(settings: &Settings, flag: &str) -> Result<Option<NonZeroUsize>, ConfigError> {
    let number =
        usize::try_from(settings.int(flag)).map_err(|_| settings.refuse(flag, NOT_NEGATIVE))?;
    Ok(NonZeroUsize::new(number))
}

fn seconds(settings: &Settings, flag: &str) -> Result<Option<Duration>, ConfigError> {
    let number =
        u64::try_from(settings.int(flag)).map_err(|_| settings.refuse(flag, NOT_NEGATIVE))?;
    Ok(Some(Duration::from_secs(number)).filter(|timeout| !timeout.is_zero()))
}

fn duration(settings: &Settings, flag: &str) -> Result<Duration, ConfigError> {
    let number =
        u64::try_from(settings.duration(flag)).map_err(|_| settings.refuse(flag, NOT_NEGATIVE))?;
    Ok(Duration::from_nanos(number))
}

#[cfg(test)]
mod tests;
