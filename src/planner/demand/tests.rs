use super::*;

fn versions(texts: &str) -> Vec<ChartVersion> {
    let version = |text: &str| ChartVersion::bare("chart", text);
    texts.split_whitespace().map(version).collect()
}

fn demands(ranges: &[&str]) -> Vec<Demand> {
    let demand = |(number, range): (usize, &&str)| Demand {
        requirer: NodeKey::new("default", &format!("r{number}")),
        range: VersionRange::parse(range).unwrap(),
    };
    ranges.iter().enumerate().map(demand).collect()
}

/// A case, versions, ranges, the version that is chosen, the ranges that are refused, the joined text.
type Row = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
    &'static str,
);

#[test]
fn the_oldest_are_heard_first_and_the_newest_version_that_is_left_is_taken() {
    let rows: &[Row] = &[
        ("one", "2.0.0 1.5.0", &["^1"], "1.5.0", &[], "^1"),
        ("any", "2.0.0-rc.1 1.5.0", &[""], "1.5.0", &[], ""),
        (
            "latest is any",
            "2.0.0 1.5.0",
            &["latest"],
            "2.0.0",
            &[],
            "",
        ),
        (
            "any and one",
            "2.0.0 1.5.0",
            &["", "^1"],
            "1.5.0",
            &[],
            "^1",
        ),
        (
            "any does not keep a pre-release from who asks for it",
            "2.0.0-rc.1 1.5.0",
            &["", ">=2.0.0-0"],
            "2.0.0-rc.1",
            &[],
            ">=2.0.0-0",
        ),
        (
            "an intersection",
            "2.0.0 1.5.0 1.2.0",
            &[">=1.1", "<1.4"],
            "1.2.0",
            &[],
            "<1.4, >=1.1",
        ),
        (
            "the last is refused, and those after it are heard",
            "2.0.0 1.5.0 1.2.0",
            &["^1", ">=2", "<1.4"],
            "1.2.0",
            &[">=2"],
            "<1.4, ^1",
        ),
        (
            "refused again in the same words",
            "2.0.0 1.5.0",
            &["^1", ">=2", ">=2", "^1"],
            "1.5.0",
            &[">=2", ">=2"],
            "^1",
        ),
        (
            "alternatives are multiplied out",
            "3.6.0 3.1.0 2.0.0 1.5.0",
            &["^1 || ^3", "<3.5"],
            "3.1.0",
            &[],
            "<3.5, ^1 || <3.5, ^3",
        ),
        (
            "ranges with hyphens",
            "3.0.0 2.0.0 1.5.0",
            &["1 - 2", ">=1.2"],
            "2.0.0",
            &[],
            "1 - 2, >=1.2",
        ),
        (
            "an exact version stays as it is",
            "1.3.0 1.2.3",
            &["1.2.3"],
            "1.2.3",
            &[],
            "1.2.3",
        ),
        (
            "an exact version within a range",
            "1.3.0 1.2.3",
            &["^1", "1.2.3"],
            "1.2.3",
            &[],
            "1.2.3, ^1",
        ),
        (
            "ranges that mean more together than apart give the version itself",
            "2.0.0-rc.1 1.5.0",
            &[">=1.0.0-0", ">=1"],
            "1.5.0",
            &[],
            "1.5.0",
        ),
    ];
    for (case, texts, ranges, newest, refused, text) in rows {
        let versions = versions(texts);
        let agreement = agree(&versions, demands(ranges));
        let found = agreement.newest.unwrap();
        assert_eq!(versions[found].text, *newest, "{case}");
        let turned_down: Vec<String> = (agreement.refused.iter())
            .map(|demand| demand.range.to_string())
            .collect();
        assert_eq!(turned_down, *refused, "{case}");
        assert_eq!(
            agreement.admitted.len() + agreement.refused.len(),
            ranges.len(),
            "{case}"
        );
        assert_eq!(
            joined(&versions, &agreement.admitted, found),
            *text,
            "{case}"
        );
    }
}

#[test]
fn nothing_is_chosen_where_nothing_will_do() {
    for (texts, ranges) in [("", &["^1"]), ("2.0.0", &["^1"]), ("2.0.0-rc.1", &[""])] {
        let agreement = agree(&versions(texts), demands(ranges));
        assert_eq!(agreement.newest, None, "{texts:?}");
        assert_eq!(agreement.admitted, [], "{texts:?}");
    }
}

#[test]
fn a_product_that_gets_too_long_gives_the_version_itself() {
    let many = ["^1", "^2", "^3", "^4", "^5", "^6"].join(" || ");
    let versions = versions("3.0.0");
    let demands = demands(&[&many, &format!("{many} || ^7")]);
    assert_eq!(joined(&versions, &demands, 0), "3.0.0");
}

#[test]
fn opponents_are_as_few_as_possible() {
    let versions = versions("2.0.0 1.5.0 1.2.0");
    let agreement = agree(&versions, demands(&["", ">=1", "^1", ">=2"]));
    let refused = &agreement.refused[0];
    let opponents = opponents(&versions, &agreement.admitted, refused);
    let ranges: Vec<String> = opponents
        .iter()
        .map(|demand| demand.range.to_string())
        .collect();
    assert_eq!(ranges, ["^1", ">=2"]);
}

/// `a ^1` is what a demands.
fn named_demands(texts: &[&str]) -> Vec<Demand> {
    let demand = |text: &&str| {
        let (requirer, range) = text.split_once(' ').unwrap_or((text, ""));
        Demand {
            requirer: NodeKey::new("default", requirer),
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
    let versions = versions(&texts.join(" "));
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
        let mut demands = named_demands(texts_of);
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
