use super::*;

fn key(name: &str) -> NodeKey {
    NodeKey::new("default", name)
}

fn demands(texts: &[&str]) -> Vec<Demand> {
    let demand = |text: &&str| {
        let (requirer, range) = text.split_once(' ').unwrap_or((text, ""));
        Demand {
            requirer: key(requirer),
            range: VersionRange::parse(range).unwrap(),
        }
    };
    texts.iter().map(demand).collect()
}

fn told(demand: &Demand) -> String {
    format!("{} {}", demand.requirer.name, demand.range)
}

#[test]
fn one_version_satisfies_all_requirers_or_the_fewest_that_disagree_are_named() {
    let texts = ["3.0.0-rc.1", "2.1.0", "2.0.0", "1.5.0", "1.0.0"];
    let versions = texts.map(|text| Version::parse(text).unwrap());
    let versions: Vec<&Version> = versions.iter().collect();
    let rows: &[(&[&str], &str)] = &[
        (&[], "2.1.0"),
        (&["a"], "2.1.0"),
        (&["a latest", "b"], "2.1.0"),
        (&["a ^1"], "1.5.0"),
        (&["a ^1", "b"], "1.5.0"),
        (&["a >=1.2", "b <2"], "1.5.0"),
        (&["a >=1", "b <2.1", "c >1.5"], "2.0.0"),
        (&["a >=3.0.0-0"], "3.0.0-rc.1"),
        (&["a >=3.0.0-0", "b"], "3.0.0-rc.1"),
        (&["a >=2.0.0-0", "b >=2"], "2.1.0"),
        (&["b ^9", "a ^1"], "none for b ^9"),
        (&["b >=2", "a ^1"], "conflict of a ^1 and b >=2"),
        (
            &["c *", "b >=2", "d >0", "a ^1"],
            "conflict of a ^1 and b >=2",
        ),
        (
            &["a 1.0.0 || 1.5.0", "b 1.5.0 || 2.0.0", "c 1.0.0 || 2.0.0"],
            "conflict of a 1.0.0 || 1.5.0 and b 1.5.0 || 2.0.0 and c 1.0.0 || 2.0.0",
        ),
    ];
    for (texts_of, expected) in rows {
        let mut demands = demands(texts_of);
        for _ in 0..2 {
            let found = match choose(&versions, &demands) {
                Choice::Version(index) => texts[index].to_owned(),
                Choice::Unsatisfiable(demand) => format!("none for {}", told(demand)),
                Choice::Conflict(all) => {
                    let all: Vec<String> = all.into_iter().map(told).collect();
                    format!("conflict of {}", all.join(" and "))
                }
            };
            assert_eq!(found, *expected, "{texts_of:?}");
            demands.reverse();
        }
    }
}
