//! The images of what manifests ask for, as far as rendered objects name them. Pure.

use std::collections::BTreeSet;

use crate::yaml::{self, Limits, Yaml, YamlError};

/// Adds the images that these rendered documents name: every text called `image`, which is where pod specs, in whatever
/// object, and most custom resources have it, and the `reference` of volumes that are images.
///
/// # Errors
/// The text is not YAML.
pub fn add_images(images: &mut BTreeSet<String>, rendered: &[u8]) -> Result<(), YamlError> {
    let limits = Limits {
        nodes: 2_000_000,
        ..Limits::default()
    };
    for document in yaml::parse_all(rendered, limits)? {
        collect(&document, images);
    }
    Ok(())
}

fn collect(node: &Yaml, images: &mut BTreeSet<String>) {
    match node {
        Yaml::Mapping(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    // labels and annotations are words of their own
                    ("metadata", _) => {}
                    ("image", Yaml::String(image)) => add(image, images),
                    ("image", volume) => {
                        if let Some(reference) = volume.get("reference").and_then(Yaml::as_str) {
                            add(reference, images);
                        }
                    }
                    (_, below) => collect(below, images),
                }
            }
        }
        Yaml::Sequence(items) => items.iter().for_each(|item| collect(item, images)),
        Yaml::Null
        | Yaml::Bool(_)
        | Yaml::Int(_)
        | Yaml::Uint(_)
        | Yaml::Float(_)
        | Yaml::String(_) => {}
    }
}

fn add(image: &str, images: &mut BTreeSet<String>) {
    let image = image.trim();
    if !image.is_empty() && !image.contains(char::is_whitespace) {
        images.insert(image.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_wherever_a_pod_spec_is() {
        let rendered = b"# Source: a.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {labels: {image: none}}
spec:
  template:
    metadata: {annotations: {image: none either}}
    spec:
      initContainers: [{name: a, image: 'registry.site:5000/init:1'}]
      containers: [{name: b, image: main:2}, {name: c, image: main:2}, {name: d}]
      volumes: [{name: v, image: {reference: 'model:3', pullPolicy: Never}}]
---
---
apiVersion: batch/v1
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: job:4}]}}}}}
---
apiVersion: v1
kind: List
items: [{kind: Pod, spec: {containers: [{image: listed:5}], ephemeralContainers: [{image: debug:6}]}}]
---
kind: Prometheus
spec: {image: 'prometheus@sha256:0123', other: {image: {tag: no reference}}}
---
kind: ConfigMap
data: {image: '', text: 'image: not this'}
";
        let mut images = BTreeSet::new();
        add_images(&mut images, rendered).unwrap();
        let images: Vec<&str> = images.iter().map(String::as_str).collect();
        assert_eq!(
            images,
            [
                "debug:6",
                "job:4",
                "listed:5",
                "main:2",
                "model:3",
                "prometheus@sha256:0123",
                "registry.site:5000/init:1",
            ]
        );
        assert!(add_images(&mut BTreeSet::new(), b"a: [").is_err());
    }
}
