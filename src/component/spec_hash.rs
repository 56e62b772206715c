//! The hash that decides whether Helm runs at all (docs/components.md 3).
//!
//! It covers what changes the rendered objects, and not what decides when and how they are applied.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::chart::digest::Sha256Hex;
use crate::component::canonical_json;
use crate::component::{CrdsPolicy, ServerSideApply};

/// The inputs of a release.
#[derive(Clone, Debug)]
pub struct Ingredients<'a> {
    /// The release's name.
    pub release_name: &'a str,
    /// The namespace that the release goes to.
    pub release_namespace: &'a str,
    /// The chart's name.
    pub chart_name: &'a str,
    /// The chart's exact version.
    pub chart_version: &'a str,
    /// The package's digest: the same version with other bytes is another chart.
    pub chart_digest: Sha256Hex,
    /// The merged values of all sources, without the chart's own defaults; nulls count.
    pub values: &'a Map<String, Value>,
    /// What happens to the chart's definitions.
    pub crds: CrdsPolicy,
    /// Whether an install runs the chart's hooks.
    pub install_hooks: bool,
    /// Whether an upgrade runs the chart's hooks.
    pub upgrade_hooks: bool,
    /// The account that Helm acts as; `None` is the controller's own.
    pub service_account: Option<&'a str>,
    /// Whether objects with changed immutable fields are replaced.
    pub force_replace: bool,
    /// Whether the chart's schema is left out.
    pub disable_schema_validation: bool,
    /// How objects are written.
    pub server_side_apply: ServerSideApply,
}

/// The hash of [`Ingredients`]. Displays as 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpecHash(Sha256Hex);

impl SpecHash {
    /// The hash of these inputs.
    pub fn of(ingredients: &Ingredients<'_>) -> Self {
        Self(Sha256Hex::of(
            canonical_json::text(&document(ingredients)).as_bytes(),
        ))
    }

    /// Parses the text in `status.observedHash`; `None` if it is not a hash.
    pub fn parse(text: &str) -> Option<Self> {
        Sha256Hex::parse(text).map(Self)
    }

    /// The first 40 hex digits, for a label, whose value holds at most 63 characters.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(40);
        text
    }
}

impl fmt::Display for SpecHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The digest of merged values alone, for `status`: it shows which input of a release changed.
pub fn values_digest(values: &Map<String, Value>) -> Sha256Hex {
    Sha256Hex::of(canonical_json::text(&Value::Object(values.clone())).as_bytes())
}

/// The hashed document. A change of its form changes every hash, and so upgrades every release once; `v` is its
/// version.
fn document(ingredients: &Ingredients<'_>) -> Value {
    let mut document = json!({
        "v": 1,
        "release": {
            "name": ingredients.release_name,
            "namespace": ingredients.release_namespace,
        },
        "chart": {
            "name": ingredients.chart_name,
            "version": ingredients.chart_version,
            "digest": ingredients.chart_digest,
        },
        "values": ingredients.values,
        "crds": ingredients.crds,
        "hooks": {
            "install": ingredients.install_hooks,
            "upgrade": ingredients.upgrade_hooks,
        },
        "serviceAccount": ingredients.service_account,
        // for labels on all objects of a release, which no version of this program has set
        "commonLabels": {},
        "forceReplace": ingredients.force_replace,
    });
    // what came later is there only where it says something, or every release would be upgraded once for it
    if ingredients.disable_schema_validation {
        document["disableSchemaValidation"] = true.into();
    }
    if ingredients.server_side_apply != ServerSideApply::default() {
        document["serverSideApply"] = json!(ingredients.server_side_apply);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &str) -> Map<String, Value> {
        serde_json::from_str(values).unwrap()
    }

    fn ingredients(values: &Map<String, Value>) -> Ingredients<'_> {
        Ingredients {
            release_name: "grafana",
            release_namespace: "edge-system",
            chart_name: "grafana",
            chart_version: "1.0.0",
            chart_digest: Sha256Hex::of(b"package"),
            values,
            crds: CrdsPolicy::CreateReplace,
            install_hooks: true,
            upgrade_hooks: true,
            service_account: None,
            force_replace: false,
            disable_schema_validation: false,
            server_side_apply: ServerSideApply::Enabled,
        }
    }

    fn hash(values: &str) -> SpecHash {
        SpecHash::of(&ingredients(&read(values)))
    }

    #[test]
    fn the_form_of_what_is_hashed_is_settled() {
        let values = read(r#"{"b":1.0,"a":[null]}"#);
        let digest = Sha256Hex::of(b"package");
        assert_eq!(
            canonical_json::text(&document(&ingredients(&values))),
            format!(
                r#"{{"chart":{{"digest":"{digest}","name":"grafana","version":"1.0.0"}},"commonLabels":{{}},"crds":"CreateReplace","forceReplace":false,"hooks":{{"install":true,"upgrade":true}},"release":{{"name":"grafana","namespace":"edge-system"}},"serviceAccount":null,"v":1,"values":{{"a":[null],"b":1}}}}"#
            )
        );
    }

    #[test]
    fn the_spelling_of_values_does_not_count() {
        for (one, other) in [
            (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#),
            (r#"{"a":1}"#, r#"{"a":1.0}"#),
            (r#"{"a":1}"#, r#"{"a":1e0}"#),
            (r#"{"a":"é"}"#, r#"{"a":"\u00e9"}"#),
        ] {
            assert_eq!(hash(one), hash(other), "{one} and {other}");
        }
    }

    #[test]
    fn what_values_say_counts() {
        for (one, other) in [
            (r#"{"a":1}"#, r#"{"a":"1"}"#),
            (r#"{"a":null}"#, "{}"),
            (r#"{"a":null}"#, r#"{"a":""}"#),
            (r#"{"a":{}}"#, r#"{"a":[]}"#),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
            (r#"{"a":9007199254740992}"#, r#"{"a":9007199254740993}"#),
            (r#"{"a":9007199254740993}"#, r#"{"a":"9007199254740993"}"#),
            (r#"{"a":"yes"}"#, r#"{"a":true}"#),
        ] {
            assert_ne!(hash(one), hash(other), "{one} and {other}");
        }
    }

    #[test]
    fn every_ingredient_counts() {
        let (none, values) = (read("{}"), read(r#"{"a":1}"#));
        let base = ingredients(&none);
        let rows = [
            ("nothing", base.clone()),
            (
                "release name",
                Ingredients {
                    release_name: "other",
                    ..base.clone()
                },
            ),
            (
                "namespace",
                Ingredients {
                    release_namespace: "other",
                    ..base.clone()
                },
            ),
            (
                "chart name",
                Ingredients {
                    chart_name: "other",
                    ..base.clone()
                },
            ),
            (
                "version",
                Ingredients {
                    chart_version: "1.0.1",
                    ..base.clone()
                },
            ),
            (
                "digest",
                Ingredients {
                    chart_digest: Sha256Hex::of(b""),
                    ..base.clone()
                },
            ),
            (
                "values",
                Ingredients {
                    values: &values,
                    ..base.clone()
                },
            ),
            (
                "crds",
                Ingredients {
                    crds: CrdsPolicy::Skip,
                    ..base.clone()
                },
            ),
            (
                "install hooks",
                Ingredients {
                    install_hooks: false,
                    ..base.clone()
                },
            ),
            (
                "upgrade hooks",
                Ingredients {
                    upgrade_hooks: false,
                    ..base.clone()
                },
            ),
            (
                "account",
                Ingredients {
                    service_account: Some("helm"),
                    ..base.clone()
                },
            ),
            (
                "replacement",
                Ingredients {
                    force_replace: true,
                    ..base.clone()
                },
            ),
            (
                "schema",
                Ingredients {
                    disable_schema_validation: true,
                    ..base.clone()
                },
            ),
            (
                "way of writing",
                Ingredients {
                    server_side_apply: ServerSideApply::Disabled,
                    ..base.clone()
                },
            ),
        ];
        for (i, (one, a)) in rows.iter().enumerate() {
            for (other, b) in &rows[i + 1..] {
                assert_ne!(SpecHash::of(a), SpecHash::of(b), "{one} and {other}");
            }
        }
    }

    #[test]
    fn a_hash_reads_back_and_its_short_form_is_a_label() {
        let hash = hash("{}");
        assert_eq!(SpecHash::parse(&hash.to_string()), Some(hash));
        assert_eq!(hash.to_string().len(), 64);
        assert_eq!(hash.short(), hash.to_string()[..40]);
        assert_eq!(SpecHash::parse(&hash.short()), None);
        // what the published controller wrote is no hash of ours
        assert_eq!(SpecHash::parse("sha256:abc123"), None);
    }
}
