//! Requirements as users and charts write them: `spec.dependsOn` and the annotation of a chart.

use serde_json::Value;

use crate::chart::index::ChartVersion;
use crate::node_key::NodeKey;
use crate::planner::graph::Strength;
use crate::planner::range::VersionRange;
use crate::yaml::{self, Limits, Yaml, YamlError};

/// One dependency as declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requirement {
    /// The Component's name.
    pub name: String,
    /// The Component's namespace, if it is not the dependent's.
    pub namespace: Option<String>,
    /// The versions of its chart that satisfy it.
    pub range: VersionRange,
    /// The chart to install if there is no such Component; `None` is the chart of that name.
    pub chart: Option<String>,
    /// The dependent is only ordered after it. `None`, not declared, counts as `false`.
    pub optional: Option<bool>,
    /// Values for the Component that is created if there is none. Only charts can declare them.
    pub values: Option<Value>,
    /// Values that the dependent has under this name are its own, and not meant for it (`inherit: false`). Only charts can
    /// say so.
    pub withholds: bool,
}

/// Why a list of requirements cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RequirementError {
    /// The annotation is not YAML.
    #[error("it is not YAML")]
    Yaml(#[from] YamlError),
    /// A field has the wrong type or is missing.
    #[error("{0}")]
    Shape(String),
    /// A version is not a range.
    #[error(
        "{path}.version {text:?} is not a version range; write one such as \"^1.2\" or \">=1 <3\""
    )]
    Range {
        /// Where it stands.
        path: String,
        /// What stands there.
        text: String,
    },
}

impl Requirement {
    /// What a version of a chart requires.
    ///
    /// # Errors
    /// As [`parse_annotation`](Self::parse_annotation).
    pub fn of(version: &ChartVersion) -> Result<Vec<Self>, RequirementError> {
        (version.requires.as_deref()).map_or(Ok(Vec::new()), Self::parse_annotation)
    }

    /// Reads a chart's annotation `requires`: a YAML or JSON list whose items are mappings, or short forms of them: a
    /// name, or a name, a space and a range (`prometheus ^25`). A single item need not be in a list; no text is an
    /// empty list.
    ///
    /// # Errors
    /// Says which field of which item is wrong. Unknown fields are left to later versions of this program.
    pub fn parse_annotation(text: &str) -> Result<Vec<Self>, RequirementError> {
        let limits = Limits {
            nodes: 10_000,
            depth: 50,
        };
        match yaml::parse(text.as_bytes(), limits)? {
            list @ (Yaml::Sequence(_) | Yaml::Null) => each(&list, "requires", Self::parse),
            single => Ok(vec![Self::parse(&single, "requires")?]),
        }
    }

    /// Reads `spec.dependsOn`: a list of mappings with `name`, `namespace`, `version` and `optional`, which is all that
    /// the definition of Components has. Null is empty.
    ///
    /// # Errors
    /// Says which field of which item is wrong.
    pub fn parse_depends_on(list: &Yaml) -> Result<Vec<Self>, RequirementError> {
        each(list, "spec.dependsOn", |item, path| {
            if item.as_mapping().is_none() {
                let text = format!("{path} must be a mapping with a name");
                return Err(RequirementError::Shape(text));
            }
            Ok(Self {
                chart: None,
                values: None,
                withholds: false,
                ..Self::parse(item, path)?
            })
        })
    }

    fn parse(item: &Yaml, path: &str) -> Result<Self, RequirementError> {
        if let Yaml::String(short) = item {
            let (name, range) = short
                .trim()
                .split_once(char::is_whitespace)
                .unwrap_or((short.trim(), ""));
            return Self {
                name: name.to_owned(),
                range: range_of(range, path)?,
                ..Self::default()
            }
            .named(path);
        }
        if item.as_mapping().is_none() {
            let text = format!("{path} must be a mapping with a name, or \"NAME RANGE\"");
            return Err(RequirementError::Shape(text));
        }
        let text = |field: &str| text_of(item, field, path);
        Self {
            name: text("name")?.unwrap_or_default(),
            namespace: text("namespace")?,
            range: range_of(&text("version")?.unwrap_or_default(), path)?,
            chart: text("chart")?,
            optional: match item.get("optional") {
                None | Some(Yaml::Null) => None,
                Some(Yaml::Bool(optional)) => Some(*optional),
                Some(_) => {
                    let text = format!("{path}.optional must be true or false");
                    return Err(RequirementError::Shape(text));
                }
            },
            values: match item.get("values") {
                None | Some(Yaml::Null) => None,
                Some(values @ Yaml::Mapping(_)) => Some(values.to_json()),
                Some(_) => {
                    let text = format!("{path}.values must be a mapping");
                    return Err(RequirementError::Shape(text));
                }
            },
            withholds: match item.get("inherit") {
                None | Some(Yaml::Null) => false,
                Some(Yaml::Bool(inherits)) => !inherits,
                Some(_) => {
                    let text = format!("{path}.inherit must be true or false");
                    return Err(RequirementError::Shape(text));
                }
            },
        }
        .named(path)
    }

    fn named(self, path: &str) -> Result<Self, RequirementError> {
        if self.name.is_empty() {
            return Err(RequirementError::Shape(format!("{path} needs a name")));
        }
        Ok(self)
    }

    /// The Component that it names, for a dependent in the namespace `home`.
    pub fn key(&self, home: &str) -> NodeKey {
        NodeKey::new(self.namespace.as_deref().unwrap_or(home), &self.name)
    }

    /// Whether the dependent needs it.
    pub fn strength(&self) -> Strength {
        Strength::of(self.is_optional())
    }

    /// True if the dependent does not need it.
    pub fn is_optional(&self) -> bool {
        self.optional.unwrap_or(false)
    }

    /// The chart to install if there is no such Component.
    pub fn chart(&self) -> &str {
        self.chart.as_deref().unwrap_or(&self.name)
    }
}

/// Reads the items of a list, `path` being its name in refusals. Null is an empty list.
fn each(
    list: &Yaml,
    path: &str,
    read: impl Fn(&Yaml, &str) -> Result<Requirement, RequirementError>,
) -> Result<Vec<Requirement>, RequirementError> {
    match list {
        Yaml::Null => Ok(Vec::new()),
        Yaml::Sequence(items) => (items.iter().enumerate())
            .map(|(index, item)| read(item, &format!("{path}[{index}]")))
            .collect(),
        _ => Err(RequirementError::Shape(format!("{path} must be a list"))),
    }
}

/// A text field; an empty one counts as absent. A number is refused: `1.10` without quotes is the number 1.1.
fn text_of(item: &Yaml, field: &str, path: &str) -> Result<Option<String>, RequirementError> {
    match item.get(field) {
        None | Some(Yaml::Null) => Ok(None),
        Some(Yaml::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Yaml::Sequence(_) | Yaml::Mapping(_)) => Err(RequirementError::Shape(format!(
            "{path}.{field} must be a text"
        ))),
        Some(_) => Err(RequirementError::Shape(format!(
            "{path}.{field} must be a text: put it in quotes"
        ))),
    }
}

fn range_of(text: &str, path: &str) -> Result<VersionRange, RequirementError> {
    VersionRange::parse(text).ok_or_else(|| RequirementError::Range {
        path: path.to_owned(),
        text: text.to_owned(),
    })
}

/// Where a requirement is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeclaredBy {
    /// In `spec.dependsOn`, which takes precedence over the chart.
    Component,
    /// The chart's annotation.
    Chart,
}

/// A requirement and where it is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// What is required.
    pub requirement: Requirement,
    /// Where.
    pub by: DeclaredBy,
}

/// All requirements of a Component in `namespace`: `spec.dependsOn`, then what its chart adds. Where both name the same
/// Component, the spec takes precedence; what it leaves open (version, chart, optional) is taken from the chart.
/// Identical items count once; other repetitions stay, and all their ranges count.
pub fn union(namespace: &str, spec: &[Requirement], chart: &[Requirement]) -> Vec<Declared> {
    let target = |requirement: &Requirement| requirement.key(namespace);
    let mut all: Vec<Declared> = Vec::new();
    let mut add = |declared: Declared| {
        if !all
            .iter()
            .any(|known| known.requirement == declared.requirement)
        {
            all.push(declared);
        }
    };
    for own in spec {
        let mut requirement = own.clone();
        let same = chart.iter().filter(|theirs| target(theirs) == target(own));
        for theirs in same {
            if requirement.range.is_any() {
                requirement.range = theirs.range.clone();
            }
            requirement.chart = requirement.chart.or_else(|| theirs.chart.clone());
            requirement.optional = requirement.optional.or(theirs.optional);
            requirement.values = requirement.values.or_else(|| theirs.values.clone());
        }
        add(Declared {
            requirement,
            by: DeclaredBy::Component,
        });
    }
    for theirs in chart {
        if !spec.iter().any(|own| target(own) == target(theirs)) {
            add(Declared {
                requirement: theirs.clone(),
                by: DeclaredBy::Chart,
            });
        }
    }
    all
}

#[cfg(test)]
mod tests;
