//! The definition's rule for versions lets everything through that this program reads.

use std::collections::BTreeSet;

use chartroom::chart::selector::VersionSelector;
use serde_json::{Value, json};

use super::components;
use crate::support::control_plane::ControlPlane;
use crate::support::kubectl::Kubectl;
use crate::support::random::Random;

/// Every text in quotes in here, among them the ranges of the parser's own tests.
const TESTS: [&str; 3] = [
    include_str!("../../../src/chart/constraint/tests.rs"),
    include_str!("../../../src/chart/selector.rs"),
    include_str!("../version_ranges.rs"),
];
/// What only the grammar knows.
const ODD: [&str; 16] = [
    "X - 1.2.3||2^0",
    "*.x|",
    "*.1x|3",
    "1.x.7|x",
    "1 - 2<3",
    "1 - 2v3",
    "1||2 - 3||x",
    "\t>=\n1\r,\u{c}<2 ",
    "\u{a0}1.2.3\u{2003}",
    "\u{85}latest\u{b}",
    "\u{3000}",
    "1.0.0+a.b-c.1",
    "v01.002.3-rc.1+x",
    "1.2.3-0 - 1.2.4-0, !=1.2.3-1",
    "X.X.X",
    "=>1||=<2||~>3",
];
/// As many as a Component can have dependencies.
const AT_ONCE: usize = 256;

#[test]
fn what_is_read_as_a_version_is_never_refused() {
    let mut texts: BTreeSet<String> = TESTS
        .iter()
        .flat_map(|source| source.split('"').map(str::to_owned))
        .chain(ODD.map(str::to_owned))
        .collect();
    let mut random = Random::from_environment("CHARTROOM_RANGE_SEED");
    texts.extend((0..80_000).map(|_| any_text(&mut random)));
    let is_read = |text: &String| text.len() <= 512 && VersionSelector::parse(text).is_some();
    let read: Vec<String> = texts.into_iter().filter(is_read).collect();
    for odd in ODD {
        assert!(read.iter().any(|text| text == odd), "{odd:?} is no range");
    }
    assert!(read.len() > 1_000, "only {} texts are ranges", read.len());

    let kubectl = components();
    let refused: Vec<&String> = read
        .chunks(AT_ONCE)
        .filter(|texts| !is_taken(&kubectl, texts))
        .flatten()
        .filter(|text| !is_taken(&kubectl, std::slice::from_ref(text)))
        .collect();
    assert!(refused.is_empty(), "refused: {refused:#?}");
}

#[test]
fn what_is_no_version_is_refused() {
    let kubectl = components();
    for text in [
        "newest", "1.2.3.4", ">", "^", "1,,2", "a.b.c", ">=1 <", "1 ||", "==1", "><1", "~^1", "1.",
        "1.2.3+", "> =1", ">=1<2", "1 -2", "1x", ",1", "1;2",
    ] {
        assert!(VersionSelector::parse(text).is_none(), "{text:?}");
        assert!(!is_taken(&kubectl, &[text.to_owned()]), "{text:?} is taken");
    }
}

/// Whether the API server takes a Component that depends on these versions, and one of the first of them.
fn is_taken(kubectl: &Kubectl, versions: &[String]) -> bool {
    let depends_on: Vec<Value> = versions
        .iter()
        .map(|version| json!({"name": "it", "version": version}))
        .collect();
    let spec = json!({"enabled": true, "version": versions[0], "dependsOn": depends_on});
    let manifest = json!({
        "apiVersion": "ext.theriseunion.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "ranges"},
        "spec": spec,
    });
    let namespace = kubectl.namespace();
    let path = format!("/apis/ext.theriseunion.io/v1alpha1/namespaces/{namespace}/components");
    let create = format!("{path}?dryRun=All");
    let api = ControlPlane::shared().api();
    api.send("POST", &create, Some(&manifest)).is_ok()
}

/// Up to nine pieces of the grammar, in any order.
fn any_text(random: &mut Random) -> String {
    const PIECES: [&str; 32] = [
        "1", "2", "0", "10", "1.2", "1.2.3", "x", "X", "*", ".", ".x", ".1", "v", "-rc.1", "-0",
        "+b", " ", " ", " ", ",", "||", " - ", "=", "!=", ">", "<", ">=", "<=", "=>", "~", "^",
        "|",
    ];
    (0..=random.below(9))
        .map(|_| PIECES[random.below(32) as usize])
        .collect()
}
