//! The controller's settings, checked. Nothing is checked while the controller is off: its names in the environment are
//! common to many programs.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::bounds::Bounds;
use crate::config::Listen;
use crate::config::controller::{BindAddress, ControllerAlone, ControllerConfig, LeaseTimes};
use crate::config::error::ConfigError;
use crate::config::settings::Settings;
use crate::config::validate::{NOT_NEGATIVE, duration, limit, logging_of_any, path};

const NOT_A_NAMESPACE: &str = "is not the name of a namespace; write letters a-z, digits and -";
const NOT_AN_ACCOUNT: &str =
    "is not the name of a ServiceAccount; write letters a-z, digits, - and .";
const NOT_REPOSITORIES: &str = "is not a list of repositories; write cluster, *, HOST, *.DOMAIN or http(s)://HOST/PATH, joined by commas";
const NOT_NAMESPACE_RULES: &str = "is not a list of rules; write FROM=TO,FROM=TO with names of namespaces in which * \
                                   stands for any characters; TO may be . for the Component's own";
const NONE_AT_ONCE: &str = "lets nothing happen; write 1 or more";
const NO_TIME: &str = "is no time; write a duration such as 30s";

const WHERE_CHARTS_ARE: &str = "is where charts are served; choose another port";

fn served_at(listen: &Listen) -> BindAddress {
    BindAddress {
        host: Some(listen.host.clone()),
        port: listen.port,
    }
}

/// A port of its own for probes cannot be that of the charts.
pub fn refuse_same_port(settings: &Settings, listen: &Listen) -> Result<(), ConfigError> {
    let probes = listen.probe_bind_address.as_ref();
    match probes.is_some_and(|probes| probes.collides(&served_at(listen))) {
        true => Err(settings.refuse("probe-bind-address", WHERE_CHARTS_ARE)),
        false => Ok(()),
    }
}

/// The controller beside a server that listens there; `None` if it is off.
pub fn beside(
    settings: &Settings,
    listen: &Listen,
) -> Result<Option<ControllerConfig>, ConfigError> {
    if !settings.bool("controller") {
        return Ok(None);
    }
    let controller = controller(settings)?;
    let server = served_at(listen);
    let addresses = [
        (
            "health-probe-bind-address",
            &controller.health_probe_bind_address,
        ),
        ("metrics-bind-address", &controller.metrics_bind_address),
    ];
    for (flag, address) in addresses {
        let probes = &listen.probe_bind_address;
        let taken = |address: &BindAddress| {
            address.collides(&server)
                || (probes.as_ref()).is_some_and(|probes| address.collides(probes))
        };
        if address.as_ref().is_some_and(taken) {
            return Err(settings.refuse(flag, WHERE_CHARTS_ARE));
        }
    }
    Ok(Some(controller))
}

/// The controller without a server.
pub fn controller_alone(
    settings: &Settings,
    mut warnings: Vec<String>,
) -> Result<ControllerAlone, ConfigError> {
    let controller = controller(settings)?;
    if controller.repository_url.is_none() {
        return Err(ConfigError::NoRepository);
    }
    warnings.extend(settings.warnings());
    Ok(ControllerAlone {
        controller,
        logging: logging_of_any(settings)?,
        warnings,
    })
}

fn controller(settings: &Settings) -> Result<ControllerConfig, ConfigError> {
    let health_probe_bind_address = address(settings, "health-probe-bind-address")?;
    let metrics_bind_address = match settings.text("metrics-bind-address") {
        // to controller-runtime an empty address is the default here, and none for the probes
        "" => BindAddress::parse(":8082"),
        _ => address(settings, "metrics-bind-address")?,
    };
    if let (Some(one), Some(other)) = (&health_probe_bind_address, &metrics_bind_address)
        && one.collides(other)
    {
        let rule =
            "is the address of the health probes too; choose another port, or 0 for no metrics";
        return Err(settings.refuse("metrics-bind-address", rule));
    }
    let bytes = |flag| {
        let bytes = u64::try_from(settings.int(flag));
        bytes.map_err(|_| settings.refuse(flag, NOT_NEGATIVE))
    };
    Ok(ControllerConfig {
        repository_url: url(settings, "repository-url")?,
        service_url: url(settings, "service-url")?,
        helm_binary: path(settings, "helm-binary"),
        leader_elect: settings.bool("leader-elect"),
        leader_elect_namespace: namespace(settings, "leader-elect-namespace")?,
        lease_name: lease_name(settings)?,
        lease: lease_times(settings)?,
        metrics_bind_address,
        health_probe_bind_address,
        concurrency: at_least_one(settings, "concurrency")?,
        reconciles: at_least_one(settings, "reconciles")?,
        cache_dir: path(settings, "chart-cache-dir"),
        chart_cache_size: bytes("chart-cache-size")?,
        helm_index_max_size: bytes("helm-index-max-size")?,
        kubeconfig: path(settings, "kubeconfig"),
        implicit_grace: duration(settings, "implicit-grace")?,
        safety_poll: some_time(settings, "safety-poll")?,
        namespace_labels: namespace_labels(settings)?,
        watch_namespace: namespace(settings, "watch-namespace")?,
        bounds: bounds(settings)?,
    })
}

fn bounds(settings: &Settings) -> Result<Bounds, ConfigError> {
    let repositories = settings.text("allowed-repositories").parse();
    let namespaces = settings.text("allowed-namespaces").parse();
    Ok(Bounds {
        repositories: repositories
            .map_err(|_| settings.refuse("allowed-repositories", NOT_REPOSITORIES))?,
        namespaces: namespaces
            .map_err(|_| settings.refuse("allowed-namespaces", NOT_NAMESPACE_RULES))?,
        default_service_account: service_account(settings)?,
    })
}

fn service_account(settings: &Settings) -> Result<Option<String>, ConfigError> {
    let flag = "default-service-account";
    match settings.text(flag) {
        "" => Ok(None),
        name if name.len() <= 253 && name.split('.').all(is_dns_label) => Ok(Some(name.to_owned())),
        _ => Err(settings.refuse(flag, NOT_AN_ACCOUNT)),
    }
}

fn url(settings: &Settings, flag: &str) -> Result<Option<String>, ConfigError> {
    let url = settings.text(flag);
    // a slash at the end of a query is part of it
    let url = if url.contains('?') {
        url
    } else {
        url.trim_end_matches('/')
    };
    if url.is_empty() {
        return Ok(None);
    }
    let host = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    let strange = |c: char| c.is_control() || c.is_whitespace() || c == '#';
    if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) || url.contains(strange) {
        let rule = "is not the address of a repository, such as http://charts.example:8080";
        return Err(settings.refuse(flag, rule));
    }
    Ok(Some(url.to_owned()))
}

pub(super) fn address(settings: &Settings, flag: &str) -> Result<Option<BindAddress>, ConfigError> {
    let text = settings.text(flag);
    if matches!(text, "" | "0") {
        return Ok(None);
    }
    match BindAddress::parse(text) {
        Some(address) => Ok(Some(address)),
        None => Err(settings.refuse(
            flag,
            "is not an address to listen on; write HOST:PORT, :PORT or 0",
        )),
    }
}

fn lease_times(settings: &Settings) -> Result<LeaseTimes, ConfigError> {
    let times = LeaseTimes {
        duration: duration(settings, "leader-elect-lease-duration")?,
        renew_deadline: duration(settings, "leader-elect-renew-deadline")?,
        retry_period: some_time(settings, "leader-elect-retry-period")?,
    };
    // a Lease says its duration in seconds, as a signed 32-bit number
    if times.duration.subsec_nanos() != 0
        || !(1..=i32::MAX as u64).contains(&times.duration.as_secs())
    {
        let rule = "is not a number of whole seconds, at least one";
        return Err(settings.refuse("leader-elect-lease-duration", rule));
    }
    if times.renew_deadline >= times.duration {
        let rule = "is not shorter than --leader-elect-lease-duration, so two could lead at once";
        return Err(settings.refuse("leader-elect-renew-deadline", rule));
    }
    // one attempt that fails must leave time for another
    if times.retry_period.saturating_mul(2) > times.renew_deadline {
        let rule =
            "is more than half of --leader-elect-renew-deadline, so one hiccup ends the lead";
        return Err(settings.refuse("leader-elect-retry-period", rule));
    }
    Ok(times)
}

fn lease_name(settings: &Settings) -> Result<String, ConfigError> {
    let name = settings.text("leader-elect-name");
    if name.len() > 253 || !name.split('.').all(is_dns_label) {
        return Err(settings.refuse(
            "leader-elect-name",
            "is not the name of a Lease; write letters a-z, digits, - and .",
        ));
    }
    Ok(name.to_owned())
}

fn namespace(settings: &Settings, flag: &str) -> Result<Option<String>, ConfigError> {
    match settings.text(flag) {
        "" => Ok(None),
        name if is_dns_label(name) => Ok(Some(name.to_owned())),
        _ => Err(settings.refuse(flag, NOT_A_NAMESPACE)),
    }
}

fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// `KEY=VALUE,KEY=VALUE`; blanks around them do not count, and an empty text is no label at all.
fn namespace_labels(settings: &Settings) -> Result<BTreeMap<String, String>, ConfigError> {
    let pairs = settings.text("namespace-labels").split(',').map(str::trim);
    let mut labels = BTreeMap::new();
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let pair = pair
            .split_once('=')
            .filter(|(key, value)| is_label_key(key) && (value.is_empty() || is_label_word(value)));
        let Some((key, value)) = pair else {
            let rule = "is not a list of labels; write KEY=VALUE,KEY=VALUE";
            return Err(settings.refuse("namespace-labels", rule));
        };
        labels.insert(key.to_owned(), value.to_owned());
    }
    Ok(labels)
}

fn is_label_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((domain, name)) => {
            domain.len() <= 253 && domain.split('.').all(is_dns_label) && is_label_word(name)
        }
        None => is_label_word(key),
    }
}

/// What Kubernetes takes as a label's value or the name in its key.
fn is_label_word(text: &str) -> bool {
    let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && is_end(text.bytes().next())
        && is_end(text.bytes().last())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn at_least_one(settings: &Settings, flag: &str) -> Result<NonZeroUsize, ConfigError> {
    limit(settings, flag)?.ok_or_else(|| settings.refuse(flag, NONE_AT_ONCE))
}

fn some_time(settings: &Settings, flag: &str) -> Result<Duration, ConfigError> {
    match duration(settings, flag)? {
        Duration::ZERO => Err(settings.refuse(flag, NO_TIME)),
        time => Ok(time),
    }
}

#[cfg(test)]
mod tests;
