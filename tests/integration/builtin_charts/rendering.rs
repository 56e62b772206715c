//! What helm makes of a chart, as objects; each rendering is made once for all tests.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::Value;

use super::{Chart, charts};
use crate::support::helm::{HELM, Helm, objects};

/// The registry that some renderings name.
pub const MIRROR: &str = "registry.example";
/// The Secret that pods then show to it.
pub const PULL_SECRET: &str = "mirror-pull";

/// A chart, the values, and the objects that come of them.
pub struct Rendering {
    pub chart: String,
    /// For messages: `traefik with everything-values.yaml`.
    pub title: String,
    /// All images are to come from [`MIRROR`].
    pub mirrored: bool,
    pub objects: Vec<Value>,
}

/// Every chart with each of its values, with and without a mirror, for a cluster that knows ServiceMonitors.
#[track_caller]
pub fn renderings() -> &'static [Rendering] {
    static RENDERINGS: OnceLock<Vec<Rendering>> = OnceLock::new();
    RENDERINGS.get_or_init(|| charts().into_iter().flat_map(of_chart).collect())
}

#[track_caller]
fn of_chart(chart: Chart) -> Vec<Rendering> {
    let helm = Helm::new(HELM);
    let mirror =
        format!("global.imageRegistry={MIRROR}/,global.imagePullSecrets[0].name={PULL_SECRET}");
    let mut renderings = Vec::new();
    for values in chart.choices() {
        for mirrored in [false, true] {
            let mut arguments = vec!["template", &chart.name, chart.path()];
            arguments.push("--api-versions=monitoring.coreos.com/v1");
            arguments.extend(values.iter().map(String::as_str));
            if mirrored {
                arguments.extend(["--set", &mirror]);
            }
            let manifest = helm.ok(&arguments);
            let named = values.first().and_then(|file| file.rsplit('/').next());
            let mirror = if mirrored { " and a mirror" } else { "" };
            renderings.push(Rendering {
                title: format!(
                    "{} with {}{mirror}",
                    chart.name,
                    named.unwrap_or("its defaults")
                ),
                chart: chart.name.clone(),
                mirrored,
                objects: objects(&manifest),
            });
        }
    }
    renderings
}

/// A container, where it is, and the pod it is in.
pub struct Container<'a> {
    pub name: &'a str,
    pub container: &'a Value,
    pub pod: &'a Value,
    pub is_init: bool,
}

impl Rendering {
    /// The containers of all workloads.
    pub fn containers(&self) -> Vec<Container<'_>> {
        let mut containers = Vec::new();
        for object in &self.objects {
            let pod = &object["spec"]["template"]["spec"];
            for (field, is_init) in [("containers", false), ("initContainers", true)] {
                let list = pod[field].as_array().into_iter().flatten();
                containers.extend(list.map(|container| Container {
                    name: container["name"].as_str().expect("a container has a name"),
                    container,
                    pod,
                    is_init,
                }));
            }
        }
        containers
    }

    /// Their images, without digests.
    pub fn images(&self) -> BTreeSet<String> {
        let images = self.containers().into_iter().map(|one| {
            let image = one.container["image"].as_str().expect("an image");
            image.split('@').next().unwrap_or(image).to_owned()
        });
        images.collect()
    }
}
