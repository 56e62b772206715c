//! What the pods are told: whether the program understands it, and where it needs no network.

use std::collections::BTreeMap;
use std::ffi::OsString;

use chartroom::cli::{self, Invocation};
use chartroom::config::options::OPTIONS;
use chartroom::config::{BindAddress, Config};
use serde_json::Value;

use super::{HELMS, PROFILES, container, find, names, render};
use crate::support::helm::Helm;

#[test]
fn the_program_understands_what_the_pod_tells_it() {
    let helm = Helm::new(HELMS[0]);
    for (profile, values) in PROFILES {
        let objects = render(&helm, "edge-system", values);
        let deployment = find(&objects, "Deployment", "chartroom");
        let container = container(deployment);
        let mut environment: BTreeMap<String, String> = BTreeMap::new();
        for variable in container["env"].as_array().expect("variables") {
            let name = variable["name"].as_str().expect("a name").to_owned();
            let of_the_pod = ["POD_", "HOST_IP", "KUBERNETES_", "RUST_"];
            let is_option = OPTIONS.iter().any(|option| option.env == name);
            assert!(
                is_option || of_the_pod.iter().any(|prefix| name.starts_with(prefix)),
                "{profile}: no option is called {name}"
            );
            // those that come from elsewhere are some text
            let value = variable["value"].as_str().unwrap_or("text").to_owned();
            assert!(
                environment.insert(name.clone(), value).is_none(),
                "{profile}: {name} twice"
            );
        }
        let words = container["args"].as_array().into_iter().flatten();
        let words: Vec<OsString> = words
            .filter_map(Value::as_str)
            .map(OsString::from)
            .collect();
        let Ok(Invocation::Serve(flags)) = cli::parse(words.into_iter()) else {
            panic!("{profile}: its arguments serve nothing");
        };
        let loaded = Config::load(
            &flags,
            |name| environment.get(name).map(OsString::from),
            |_| Err(std::io::ErrorKind::NotFound.into()),
        );
        let config = loaded.unwrap_or_else(|error| panic!("{profile}: {error}"));
        assert!(
            config.warnings.is_empty(),
            "{profile}: {:?}",
            config.warnings
        );

        let port = |name: &str| {
            let ports = container["ports"].as_array().expect("ports");
            let port = ports.iter().find(|port| port["name"] == name);
            port.map(|port| port["containerPort"].as_u64().expect("a port"))
        };
        assert_eq!(port("http"), Some(config.listen.port.into()), "{profile}");
        let bound =
            |address: &Option<BindAddress>| address.as_ref().map(|address| u64::from(address.port));
        let controller = config.controller.as_ref();
        let health = controller.and_then(|one| bound(&one.health_probe_bind_address));
        let metrics = controller.and_then(|one| bound(&one.metrics_bind_address));
        assert_eq!(
            (port("health"), port("metrics")),
            (health, metrics),
            "{profile}"
        );
        let probes = bound(&config.listen.probe_bind_address);
        assert_eq!(port("probes"), probes, "{profile}");
        assert!(probes.is_some(), "{profile}");
        for probe in ["startupProbe", "livenessProbe"] {
            let asked = &container[probe]["httpGet"]["port"];
            assert_eq!(asked, "probes", "{profile}: {probe}");
        }
        let readiness = &container["readinessProbe"]["httpGet"]["port"];
        let expected = if controller.is_some() {
            "health"
        } else {
            "probes"
        };
        assert_eq!(readiness, expected, "{profile}");
    }
}

#[test]
fn hooks_are_commands_that_the_program_knows() {
    let helm = Helm::new(HELMS[0]);
    let values = ["--set=controller.watchNamespace=apps,crd.timeout=90s,teardown.timeout=8m"];
    let objects = render(&helm, "edge-system", &values);
    assert_eq!(
        names(&objects, "Job"),
        ["chartroom-crd", "chartroom-teardown"]
    );
    for name in names(&objects, "Job") {
        let job = find(&objects, "Job", &name);
        let words = container(job)["args"].as_array().expect("words");
        let words = words
            .iter()
            .map(|word| OsString::from(word.as_str().expect("a word")));
        match cli::parse(words).expect("a command") {
            Invocation::CrdApply(arguments) => {
                assert_eq!(
                    (name.as_str(), arguments.timeout.as_secs()),
                    ("chartroom-crd", 90)
                );
            }
            Invocation::Teardown(arguments) => {
                assert_eq!(name, "chartroom-teardown");
                assert_eq!(arguments.namespace.as_deref(), Some("apps"));
                assert_eq!(arguments.timeout.as_secs(), 480);
                assert!(!arguments.force);
            }
            other => panic!("{name}: {other:?}"),
        }
        // the Service must not send requests to them
        let selector = &find(&objects, "Service", "chartroom")["spec"]["selector"];
        let labels = &job["spec"]["template"]["metadata"]["labels"];
        let selector = selector.as_object().expect("labels");
        assert!(
            selector
                .iter()
                .any(|(label, value)| labels[label] != *value),
            "{name}"
        );
    }
}

#[test]
fn before_there_is_a_network_nothing_of_it_is_needed() {
    let helm = Helm::new(HELMS[0]);
    let (_, values) = PROFILES[2];
    let objects = render(&helm, "edge-system", values);
    let pods = ["Deployment", "Job"];
    for object in objects
        .iter()
        .filter(|one| pods.iter().any(|kind| one["kind"] == *kind))
    {
        let pod = &object["spec"]["template"]["spec"];
        assert_eq!(pod["hostNetwork"], true);
        assert_eq!(pod["dnsPolicy"], "Default");
        let tolerations = pod["tolerations"].as_array().expect("tolerations");
        let keys = [
            "node.kubernetes.io/not-ready",
            "node-role.kubernetes.io/control-plane",
            "edge",
        ];
        for key in keys {
            assert!(tolerations.iter().any(|one| one["key"] == key), "{key}");
        }
        let env = container(object)["env"].as_array().expect("variables");
        let place = |name: &str| {
            env.iter()
                .position(|one| one["name"] == name)
                .expect("it is there")
        };
        // a variable may speak of those before it
        assert!(place("HOST_IP") < place("KUBERNETES_SERVICE_HOST"));
        assert_eq!(env[place("KUBERNETES_SERVICE_HOST")]["value"], "$(HOST_IP)");
        assert_eq!(env[place("KUBERNETES_SERVICE_PORT")]["value"], "6443");
    }
}
