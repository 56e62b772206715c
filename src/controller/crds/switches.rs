//! Which sub-charts the values enable, by Helm's rules for `condition` and `tags` in a chart's
//! dependencies: the definitions of the others are not applied. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::chart::archive::{self, ArchiveError, Limits};
use crate::chart::constraint::Constraint;
use crate::chart::metadata::{Dependency, Metadata};
use crate::chart::version::Version;
use crate::yaml;

/// The deepest nesting of charts that is followed.
const DEPTH: usize = 20;

/// A chart's dependencies and default values.
#[derive(Debug, Default)]
struct Chart {
    metadata: Metadata,
    values: Map<String, Value>,
}

/// A chart and all charts in it, by the path that their files begin with: empty for the chart itself, then
/// `charts/sub/` or `charts/sub-1.0.0.tgz/`.
#[derive(Debug, Default)]
pub struct Charts(BTreeMap<String, Chart>);

impl Charts {
    /// The charts of a package. A file that is not YAML counts as empty: Helm refuses the package itself.
    ///
    /// # Errors
    /// The archive does not read to its end, or is outside the limits.
    pub fn read(package: &[u8]) -> Result<Self, ArchiveError> {
        let mut charts = Self::default();
        archive::files(package, &Limits::default(), &mut |path, _, body| {
            let own = archive::path_in_own_chart(path);
            if matches!(own, "Chart.yaml" | "requirements.yaml" | "values.yaml") {
                let mut text = Vec::new();
                body.read_to_end(&mut text)?;
                charts.add(path, own, &text);
            }
            Ok(())
        })?;
        Ok(charts)
    }

    fn add(&mut self, path: &str, own: &str, text: &[u8]) {
        let limits = yaml::Limits {
            nodes: 1_000_000,
            depth: 200,
        };
        let is_values = own == "values.yaml";
        let read = if is_values {
            yaml::values(text, limits)
        } else {
            yaml::parse(text, limits)
        };
        let Ok(read) = read else {
            return;
        };
        let prefix = path.strip_suffix(own).unwrap_or_default();
        let chart = self.0.entry(prefix.to_owned()).or_default();
        if !is_values {
            // the other checks are Helm's
            let _ = chart.metadata.merge(&read);
        } else if let Value::Object(values) = read.to_json() {
            chart.values = values;
        }
    }

    /// The path prefixes of the chart and of all sub-charts that these values leave enabled.
    pub fn switched_on(&self, values: &Value) -> BTreeSet<String> {
        let mut root = values.as_object().cloned().unwrap_or_default();
        self.fill_in("", &mut root, 0);
        let mut on = BTreeSet::new();
        self.visit("", "", &root, &mut on, 0);
        on
    }

    /// The charts directly in this one.
    fn within<'a>(&'a self, prefix: &str) -> impl Iterator<Item = (&'a str, &'a Chart)> {
        let below = format!("{prefix}charts/");
        self.0.iter().filter_map(move |(path, chart)| {
            let name = path.strip_prefix(&below)?.strip_suffix('/')?;
            (!name.contains('/')).then_some((path.as_str(), chart))
        })
    }

    /// Merges the charts' default values below the given ones, each under its name.
    fn fill_in(&self, prefix: &str, values: &mut Map<String, Value>, depth: usize) {
        let Some(chart) = self.0.get(prefix).filter(|_| depth < DEPTH) else {
            return;
        };
        merge_under(values, &chart.values);
        let global = values.get("global").cloned();
        for (path, sub) in self.within(prefix) {
            for name in names(&chart.metadata.dependencies, &sub.metadata) {
                let of_sub = values
                    .entry(name)
                    .or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(of_sub) = of_sub else {
                    continue;
                };
                if let Some(Value::Object(global)) = &global {
                    let own = of_sub
                        .entry("global")
                        .or_insert_with(|| Value::Object(Map::new()));
                    if let Value::Object(own) = own {
                        let given = std::mem::replace(own, global.clone());
                        merge_under(own, &given);
                    }
                }
                self.fill_in(path, of_sub, depth + 1);
            }
        }
    }

    /// `place` is where this chart's values are, with a dot at its end.
    fn visit(
        &self,
        prefix: &str,
        place: &str,
        values: &Map<String, Value>,
        on: &mut BTreeSet<String>,
        depth: usize,
    ) {
        on.insert(prefix.to_owned());
        let Some(chart) = self.0.get(prefix).filter(|_| depth < DEPTH) else {
            return;
        };
        // a chart's own tags count where no parent sets them
        let mut values = values.clone();
        merge_under(&mut values, &chart.values);
        let dependencies = &chart.metadata.dependencies;
        let off: BTreeSet<&str> = dependencies
            .iter()
            .filter(|dependency| !is_on(dependency, &values, place))
            .map(name_of)
            .collect();
        for (path, sub) in self.within(prefix) {
            for name in names(dependencies, &sub.metadata) {
                if !off.contains(name.as_str()) {
                    let place = format!("{place}{name}.");
                    self.visit(path, &place, &values, on, depth + 1);
                }
            }
        }
    }
}

/// The names of a sub-chart: the aliases or names of the dependencies on it, or else its own.
fn names(dependencies: &[Dependency], sub: &Metadata) -> Vec<String> {
    let version = Version::parse(&sub.version);
    let is_meant = |dependency: &&Dependency| {
        let range = Constraint::parse(&dependency.version);
        dependency.name == sub.name
            && (range.zip(version.as_ref())).is_some_and(|(range, version)| range.matches(version))
    };
    let meant = dependencies.iter().filter(is_meant);
    let names: Vec<String> = meant
        .map(|dependency| name_of(dependency).to_owned())
        .collect();
    if names.is_empty() {
        return vec![sub.name.clone()];
    }
    names
}

fn name_of(dependency: &Dependency) -> &str {
    match dependency.alias.as_str() {
        "" => &dependency.name,
        alias => alias,
    }
}

/// The first condition that names a boolean decides, then the tags, of which one that is true is enough.
fn is_on(dependency: &Dependency, values: &Map<String, Value>, place: &str) -> bool {
    let conditions = dependency.condition.trim().split(',');
    let mut answers = conditions
        .filter(|condition| !condition.is_empty())
        .filter_map(|condition| at(values, &format!("{place}{condition}"))?.as_bool());
    if let Some(answer) = answers.next() {
        return answer;
    }
    let tags = values.get("tags");
    let mut set = (dependency.tags.iter()).filter_map(|tag| tags?.get(tag)?.as_bool());
    match set.next() {
        None | Some(true) => true,
        Some(false) => set.any(|tag| tag),
    }
}

/// The value at a path such as `sub.enabled`.
fn at<'a>(values: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut steps = path.split('.');
    let first = values.get(steps.next()?)?;
    steps.try_fold(first, |value, step| value.get(step))
}

/// Adds what is absent, recursively.
fn merge_under(target: &mut Map<String, Value>, defaults: &Map<String, Value>) {
    for (key, default) in defaults {
        match (target.get_mut(key), default) {
            (None, _) => {
                target.insert(key.clone(), default.clone());
            }
            (Some(Value::Object(target)), Value::Object(default)) => merge_under(target, default),
            (Some(_), _) => {}
        }
    }
}

#[cfg(test)]
mod tests;
