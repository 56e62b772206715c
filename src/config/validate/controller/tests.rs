//! The controller's options, from a command line and an environment to the end.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::*;
use crate::bounds::Bounds;
use crate::config::options::typed;
use crate::config::{Config, LogFormat, LogLevel};

type Variables = [(&'static str, &'static str)];

fn env(variables: &Variables) -> impl Fn(&str) -> Option<OsString> {
    |name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.into())
    }
}

fn no_file(_: &Path) -> io::Result<Vec<u8>> {
    unreachable!("no config file is named")
}

fn load(line: &str, variables: &Variables) -> Result<Config, ConfigError> {
    Config::load(&typed(line), env(variables), no_file)
}

fn load_alone(line: &str, variables: &Variables) -> Result<ControllerAlone, ConfigError> {
    ControllerAlone::load(&typed(line), env(variables), no_file)
}

fn beside_a_server(line: &str, variables: &Variables) -> Option<ControllerConfig> {
    load(line, variables).unwrap().controller
}

fn alone(line: &str, variables: &Variables) -> ControllerAlone {
    load_alone(line, variables).unwrap()
}

/// What the controller is told when nobody says anything but that it should run.
fn defaults() -> ControllerConfig {
    let labels = [
        ("theriseunion.io/workspace", "system-workspace"),
        ("theriseunion.io/managed", "true"),
    ];
    ControllerConfig {
        repository_url: None,
        service_url: None,
        helm_binary: None,
        leader_elect: true,
        leader_elect_namespace: None,
        lease_name: "chartroom-controller".to_owned(),
        lease: LeaseTimes::default(),
        metrics_bind_address: Some(BindAddress {
            host: None,
            port: 8082,
        }),
        health_probe_bind_address: Some(BindAddress {
            host: None,
            port: 8081,
        }),
        concurrency: NonZeroUsize::new(3).unwrap(),
        reconciles: NonZeroUsize::new(32).unwrap(),
        cache_dir: None,
        chart_cache_size: 256 << 20,
        helm_index_max_size: 64 << 20,
        kubeconfig: None,
        implicit_grace: Duration::from_secs(300),
        safety_poll: Duration::from_secs(30),
        namespace_labels: labels
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        watch_namespace: None,
        bounds: Bounds::default(),
    }
}

#[test]
fn the_controller_is_off_until_it_is_asked_for() {
    assert_eq!(beside_a_server("", &[]), None);
    assert_eq!(beside_a_server("--controller=false", &[]), None);
    assert_eq!(beside_a_server("--controller", &[]), Some(defaults()));
    assert_eq!(
        beside_a_server("", &[("CONTROLLER", "true")]),
        Some(defaults())
    );
    let of_other_programs = [
        ("KUBECONFIG", "/root/.kube/config"),
        ("METRICS_BIND_ADDRESS", "rubbish"),
        ("CHARTMUSEUM_URL", "rubbish"),
        ("LEADER_ELECT_NAMESPACE", "Rubbish!"),
    ];
    assert_eq!(beside_a_server("", &of_other_programs), None);
}

#[test]
fn the_controller_alone_needs_a_repository_and_none_of_the_servers_options() {
    let expected = ControllerAlone {
        controller: ControllerConfig {
            repository_url: Some("http://r:8080/charts".to_owned()),
            ..defaults()
        },
        logging: logging_of_any_default(),
        warnings: vec![],
    };
    assert_eq!(
        alone("--repository-url=http://r:8080/charts/", &[]),
        expected
    );
    // a signature or a token goes along with every request
    let signed = alone("--repository-url=http://r:8080/charts?sig=a/", &[]).controller;
    assert_eq!(
        signed.repository_url.as_deref(),
        Some("http://r:8080/charts?sig=a/")
    );
    // PORT is the server's, CONTROLLER is said already
    let variables = [
        ("CHARTMUSEUM_URL", "http://r:8080/charts"),
        ("PORT", "rubbish"),
        ("CONTROLLER", "false"),
    ];
    assert_eq!(alone("", &variables), expected);
    assert_eq!(
        load_alone("", &[]).unwrap_err().to_string(),
        "chartroom controller serves no charts itself; write --repository-url http://HOST:PORT or set CHARTMUSEUM_URL, \
         or run both halves by chartroom --controller"
    );
}

fn logging_of_any_default() -> crate::config::Logging {
    crate::config::Logging {
        level: LogLevel::Info,
        format: LogFormat::Text,
        latency: crate::config::Latency::Text,
        health: false,
    }
}

#[test]
fn the_names_of_controller_runtime_mean_what_they_mean_there() {
    let variables = [
        ("CONTROLLER", "1"),
        ("LEADER_ELECT", "false"),
        ("LEADER_ELECT_NAMESPACE", "edge-system"),
        ("METRICS_BIND_ADDRESS", "127.0.0.1:9090"),
        ("HEALTH_PROBE_BIND_ADDRESS", "0"),
        ("HELM_BINARY", "/opt/helm"),
        ("CHARTMUSEUM_URL", "https://charts.local"),
        ("KUBECONFIG", "/a:/b"),
    ];
    let expected = ControllerConfig {
        repository_url: Some("https://charts.local".to_owned()),
        helm_binary: Some(PathBuf::from("/opt/helm")),
        leader_elect: false,
        leader_elect_namespace: Some("edge-system".to_owned()),
        metrics_bind_address: Some(BindAddress {
            host: Some("127.0.0.1".to_owned()),
            port: 9090,
        }),
        health_probe_bind_address: None,
        kubeconfig: Some(PathBuf::from("/a:/b")),
        ..defaults()
    };
    assert_eq!(beside_a_server("", &variables), Some(expected));
    let empty = [
        ("METRICS_BIND_ADDRESS", ""),
        ("HEALTH_PROBE_BIND_ADDRESS", ""),
    ];
    let empty = beside_a_server("--controller", &empty).unwrap();
    assert_eq!(empty.metrics_bind_address, defaults().metrics_bind_address);
    assert_eq!(empty.health_probe_bind_address, None);
    let json = alone(
        "--log-json",
        &[("CHARTMUSEUM_URL", "http://r"), ("LOG_LEVEL", "error")],
    );
    assert_eq!(json.logging.level, LogLevel::Error);
    assert_eq!(json.logging.format, LogFormat::Json);
}

#[test]
fn every_option_reaches_its_field() {
    let line = "--controller --watch-namespace=apps --concurrency=1 --reconciles=8 --leader-elect-name=shard-1.lease \
                --leader-elect-lease-duration=3s --leader-elect-renew-deadline=2s --leader-elect-retry-period=200ms \
                --chart-cache-dir=/var/cache --chart-cache-size=1024 --helm-index-max-size=2048 --implicit-grace=0 --safety-poll=1m \
                --namespace-labels=a.b/c=d,,e=";
    let expected = ControllerConfig {
        watch_namespace: Some("apps".to_owned()),
        bounds: Bounds::default(),
        concurrency: NonZeroUsize::MIN,
        reconciles: NonZeroUsize::new(8).unwrap(),
        lease_name: "shard-1.lease".to_owned(),
        lease: LeaseTimes {
            duration: Duration::from_secs(3),
            renew_deadline: Duration::from_secs(2),
            retry_period: Duration::from_millis(200),
        },
        cache_dir: Some(PathBuf::from("/var/cache")),
        chart_cache_size: 1024,
        helm_index_max_size: 2048,
        implicit_grace: Duration::ZERO,
        safety_poll: Duration::from_secs(60),
        namespace_labels: [("a.b/c", "d"), ("e", "")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..defaults()
    };
    assert_eq!(beside_a_server(line, &[]), Some(expected));
    let none = beside_a_server("--controller --namespace-labels=", &[]);
    assert_eq!(none.unwrap().namespace_labels, [].into());
}

#[test]
fn what_cannot_be_run_is_refused_in_a_sentence() {
    let rows = [
        (
            "--metrics-bind-address=8082",
            "--metrics-bind-address: \"8082\" is not an address to listen on; write HOST:PORT, :PORT or 0",
        ),
        (
            "--health-probe-bind-address=:http",
            "--health-probe-bind-address: \":http\" is not an address to listen on; write HOST:PORT, :PORT or 0",
        ),
        (
            "--metrics-bind-address=127.0.0.1:8081",
            "--metrics-bind-address: \"127.0.0.1:8081\" is the address of the health probes too; choose another port, \
             or 0 for no metrics",
        ),
        (
            "--port=8082",
            "--metrics-bind-address: \":8082\" is where charts are served; choose another port",
        ),
        (
            "--health-probe-bind-address=127.0.0.1:8080",
            "--health-probe-bind-address: \"127.0.0.1:8080\" is where charts are served; choose another port",
        ),
        (
            "--repository-url=charts",
            "--repository-url: \"charts\" is not the address of a repository, such as http://charts.example:8080",
        ),
        (
            "--repository-url=http://",
            "--repository-url: \"http://\" is not the address of a repository, such as http://charts.example:8080",
        ),
        (
            "--concurrency=0",
            "--concurrency: 0 lets nothing happen; write 1 or more",
        ),
        (
            "--concurrency=-1",
            "--concurrency: -1 is negative; write 0 or more",
        ),
        (
            "--reconciles=0",
            "--reconciles: 0 lets nothing happen; write 1 or more",
        ),
        (
            "--chart-cache-size=-1",
            "--chart-cache-size: -1 is negative; write 0 or more",
        ),
        (
            "--safety-poll=0",
            "--safety-poll: 0ns is no time; write a duration such as 30s",
        ),
        (
            "--leader-elect-retry-period=0",
            "--leader-elect-retry-period: 0ns is no time; write a duration such as 30s",
        ),
        (
            "--leader-elect-lease-duration=1500ms",
            "--leader-elect-lease-duration: 1500000000ns is not a number of whole seconds, at least one",
        ),
        (
            "--leader-elect-renew-deadline=15s",
            "--leader-elect-renew-deadline: 15000000000ns is not shorter than --leader-elect-lease-duration, \
             so two could lead at once",
        ),
        (
            "--leader-elect-retry-period=6s",
            "--leader-elect-retry-period: 6000000000ns is more than half of --leader-elect-renew-deadline, \
             so one hiccup ends the lead",
        ),
        (
            "--leader-elect-name=Lease",
            "--leader-elect-name: \"Lease\" is not the name of a Lease; write letters a-z, digits, - and .",
        ),
        (
            "--leader-elect-name=",
            "--leader-elect-name: \"\" is not the name of a Lease; write letters a-z, digits, - and .",
        ),
        (
            "--watch-namespace=a,b",
            "--watch-namespace: \"a,b\" is not the name of a namespace; write letters a-z, digits and -",
        ),
        (
            "--namespace-labels=a",
            "--namespace-labels: \"a\" is not a list of labels; write KEY=VALUE,KEY=VALUE",
        ),
        (
            "--namespace-labels=a=-b",
            "--namespace-labels: \"a=-b\" is not a list of labels; write KEY=VALUE,KEY=VALUE",
        ),
    ];
    for (line, expected) in rows {
        let error = load(&format!("--controller {line}"), &[]).unwrap_err();
        assert_eq!(error.to_string(), expected, "{line}");
    }
    let error = load("", &[("CONTROLLER", "on"), ("CONCURRENCY", "0")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment variable CONTROLLER: \"on\" is not a boolean; write true or false"
    );
}
