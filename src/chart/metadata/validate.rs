//! The rules of docs/chartmuseum.md 6.2, in Helm's order.

use std::collections::BTreeSet;

use crate::chart::metadata::quote::{go_quote, is_print};
use crate::chart::metadata::{Dependency, Maintainer, Metadata, MetadataError};
use crate::chart::version::Version;

/// Unicode spaces become ASCII ones and what cannot be printed goes, in every string that Helm sanitises. The version
/// and the aliases are not among them.
pub(super) fn sanitize(metadata: &mut Metadata) {
    let Metadata {
        name,
        description,
        home,
        icon,
        condition,
        tags,
        app_version,
        kube_version,
        ..
    } = metadata;
    for text in [
        name,
        description,
        home,
        icon,
        condition,
        tags,
        app_version,
        kube_version,
    ] {
        sanitize_text(text);
    }
    metadata.sources.iter_mut().for_each(sanitize_text);
    metadata.keywords.iter_mut().for_each(sanitize_text);
    for maintainer in &mut metadata.maintainers {
        let Maintainer { name, email, url } = maintainer;
        for text in [name, email, url] {
            sanitize_text(text);
        }
    }
    for dependency in &mut metadata.dependencies {
        let Dependency {
            name,
            version,
            repository,
            condition,
            tags,
            ..
        } = dependency;
        for text in [name, version, repository, condition] {
            sanitize_text(text);
        }
        tags.iter_mut().for_each(sanitize_text);
    }
}

fn sanitize_text(text: &mut String) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return;
    }
    let sanitize = |c: char| {
        if c.is_whitespace() {
            Some(' ')
        } else {
            Some(c).filter(|c| is_print(*c))
        }
    };
    *text = text.chars().filter_map(sanitize).collect();
}

/// Expects sanitised metadata with an `apiVersion`.
pub(super) fn validate(metadata: &Metadata) -> Result<(), MetadataError> {
    validate_name(&metadata.name)?;
    let version = &metadata.version;
    if version.is_empty() {
        return invalid("chart.metadata.version is required");
    }
    if Version::parse(version).is_none() {
        return invalid(format!(
            "chart.metadata.version {} is invalid",
            go_quote(version)
        ));
    }
    if !matches!(metadata.chart_type.as_str(), "" | "application" | "library") {
        return invalid("chart.metadata.type must be application or library");
    }
    if metadata.has_null_maintainer {
        return invalid("maintainers must not contain empty or null nodes");
    }
    validate_dependencies(metadata)
}

fn validate_name(name: &str) -> Result<(), MetadataError> {
    if name.is_empty() {
        return invalid("chart.metadata.name is required");
    }
    if name == "." || name == ".." {
        return invalid(format!(
            "chart.metadata.name {} is not allowed",
            go_quote(name)
        ));
    }
    if name.contains('/') {
        return invalid(format!("chart.metadata.name {} is invalid", go_quote(name)));
    }
    Ok(())
}

fn validate_dependencies(metadata: &Metadata) -> Result<(), MetadataError> {
    if metadata.has_null_dependency {
        return invalid("dependencies must not contain empty or null nodes");
    }
    let mut keys = BTreeSet::new();
    for dependency in &metadata.dependencies {
        let is_alias_character =
            |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !dependency.alias.bytes().all(is_alias_character) {
            let name = go_quote(&dependency.name);
            return invalid(format!(
                "dependency {name} has disallowed characters in the alias"
            ));
        }
        let key = if dependency.alias.is_empty() {
            &dependency.name
        } else {
            &dependency.alias
        };
        if !keys.insert(key) {
            return invalid(format!(
                "more than one dependency with name or alias {}",
                go_quote(key)
            ));
        }
    }
    Ok(())
}

fn invalid(text: impl Into<String>) -> Result<(), MetadataError> {
    Err(MetadataError::Invalid(text.into()))
}
