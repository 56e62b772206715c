use std::io::Read as _;

use proptest::prelude::*;

use super::*;
use crate::repository::entry::tests::listing;
use crate::repository::entry::{Layer, Listing};
use crate::repository::memory_file::MemoryFiles;

fn style(format: IndexFormat) -> IndexStyle {
    IndexStyle {
        format,
        context_path: String::new(),
    }
}

fn insert(name: &str, version: &str) -> Change {
    upload(listing(name, version, &format!("{name}-{version}.tgz")))
}

fn upload(listing: Listing) -> Change {
    Change::Insert(Arc::new(Entry::new(listing, Layer::Upload, "charts/")))
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn text(index: &RepositoryIndex) -> String {
    String::from_utf8(index.publish(at(0)).to_bytes()).unwrap()
}

#[test]
fn an_index_without_entries_is_still_an_index() {
    let json = RepositoryIndex::new(style(IndexFormat::Json));
    assert_eq!(
        text(&json),
        "{\"apiVersion\":\"v1\",\"generated\":\"1970-01-01T00:00:00Z\",\"entries\":{},\"serverInfo\":{}}\n"
    );
    let yaml = RepositoryIndex::new(style(IndexFormat::Yaml));
    assert_eq!(
        text(&yaml),
        "apiVersion: v1\nentries: {}\ngenerated: \"1970-01-01T00:00:00Z\"\nserverInfo: {}\n"
    );
}

#[test]
fn there_is_one_version_a_line_newest_first() {
    let mut index = RepositoryIndex::new(IndexStyle {
        context_path: "/x".into(),
        ..style(IndexFormat::Json)
    });
    index.apply([
        insert("b", "1.0.0"),
        insert("a", "1.9.0"),
        insert("a", "1.10.0"),
        insert("a", "2.0.0-rc.1"),
    ]);
    let text = text(&index);
    let starts: Vec<&str> = text
        .lines()
        .map(|line| line.split(",\"urls\"").next().unwrap())
        .collect();
    assert_eq!(
        starts,
        [
            r#"{"apiVersion":"v1","generated":"1970-01-01T00:00:00Z","entries":{"#,
            r#""a":["#,
            r#"{"name":"a","version":"2.0.0-rc.1""#,
            r#"{"name":"a","version":"1.10.0""#,
            r#"{"name":"a","version":"1.9.0""#,
            "],",
            r#""b":["#,
            r#"{"name":"b","version":"1.0.0""#,
            "]",
            r#"},"serverInfo":{"contextPath":"/x"}}"#,
        ]
    );
}

#[test]
fn one_of_two_packages_with_the_same_version_is_listed_and_the_other_inherits() {
    let mut index = RepositoryIndex::new(style(IndexFormat::Json));
    index.apply([
        upload(listing("a", "1.0.0", "renamed.tgz")),
        insert("a", "1.0.0"),
        upload(listing("a", "1.0.0", "another.tgz")),
    ]);
    assert_eq!(index.version_count(), 1);
    assert!(text(&index).contains("charts/a-1.0.0.tgz"));
    assert_eq!(index.packages_of("a", "1.0.0").len(), 3);
    index.apply([Change::Remove("a-1.0.0.tgz".into())]);
    assert!(text(&index).contains("charts/another.tgz"));
    index.apply([
        Change::Remove("another.tgz".into()),
        Change::Remove("renamed.tgz".into()),
    ]);
    assert_eq!((index.chart_count(), index.version_count()), (0, 0));
    assert_eq!(
        text(&index),
        text(&RepositoryIndex::new(style(IndexFormat::Json)))
    );
}

#[test]
fn a_file_that_becomes_another_chart_leaves_its_old_entry() {
    // a-1-0.tgz is chart a, version 1-0, and also chart a-1, version 0
    let mut index = RepositoryIndex::new(style(IndexFormat::Json));
    index.apply([upload(listing("a", "1-0", "a-1-0.tgz"))]);
    index.apply([upload(listing("a-1", "0", "a-1-0.tgz"))]);
    assert!(index.chart("a").is_none());
    assert_eq!(index.chart("a-1").unwrap().versions().len(), 1);
}

#[test]
fn the_etag_follows_the_content_and_nothing_else() {
    let mut one = RepositoryIndex::new(style(IndexFormat::Json));
    one.apply([insert("a", "1.0.0"), insert("b", "1.0.0")]);
    let mut other = RepositoryIndex::new(style(IndexFormat::Json));
    other.apply([insert("b", "1.0.0")]);
    other.apply([insert("c", "1.0.0")]);
    assert_ne!(one.publish(at(0)).etag(), other.publish(at(0)).etag());
    other.apply([Change::Remove("c-1.0.0.tgz".into())]);
    other.apply([insert("a", "1.0.0")]);
    assert_eq!(one.publish(at(0)).etag(), other.publish(at(0)).etag());
    assert_ne!(one.publish(at(0)).etag(), one.publish(at(1)).etag());
}

#[test]
fn a_large_index_is_divided_into_pages_that_join_again() {
    let mut index = RepositoryIndex::new(style(IndexFormat::Json));
    index.apply(
        (0..6_000).map(|i| insert(&format!("chart-{:03}", i / 10), &format!("1.{}.0", i % 10))),
    );
    assert!(index.pages.len() > 3);
    let published = index.publish(at(0));
    let parsed: serde_json::Value = serde_json::from_slice(&published.to_bytes()).unwrap();
    assert_eq!(parsed["entries"].as_object().unwrap().len(), 600);
    for i in 0..5_990 {
        index.apply([Change::Remove(
            format!("chart-{:03}-1.{}.0.tgz", i / 10, i % 10).into(),
        )]);
    }
    assert_eq!(
        index.pages.len(),
        1,
        "many removals do not leave many small pages"
    );
}

#[test]
fn a_write_leaves_the_memory_files_of_other_pages_alone() {
    let in_files = |published: &PublishedIndex| -> Vec<bool> {
        let parts = published.parts_in_files();
        parts.map(|(_, file)| file.is_some()).collect()
    };
    let files = MemoryFiles::with_limit(100);
    let mut index = RepositoryIndex::new(style(IndexFormat::Json));
    index.apply((0..8000).map(|i| insert(&format!("chart-{i:05}"), "1.0.0")));
    let before = index.publish(at(0));
    let pages = index.pages.len();
    assert!(pages > 2);
    assert!(!in_files(&before).contains(&true), "reading makes none");
    before.make_files(&files);
    let head_and_tail_only = in_files(&before).iter().filter(|is| !**is).count();
    assert_eq!((head_and_tail_only, files.free()), (2, 100 - pages));

    index.apply([insert("chart-00000", "2.0.0")]);
    let after = index.publish(at(1));
    drop(before);
    assert_eq!(
        files.free(),
        100 - pages + 1,
        "the changed page's is closed"
    );
    assert_eq!(in_files(&after)[..3], [false, false, true]);

    // where there is no room, the wish is not forgotten
    after.make_files(&MemoryFiles::with_limit(0));
    assert_eq!(in_files(&after)[..3], [false, false, true]);
    after.make_files(&files);
    assert_eq!(in_files(&after)[..3], [false, true, true]);
    drop((index, after));
    assert_eq!(files.free(), 100);
}

#[test]
fn the_gzip_form_is_one_member_that_inflates_to_the_plain_form() {
    let mut index = RepositoryIndex::new(style(IndexFormat::Json));
    index.apply(
        (0..2_000).map(|i| insert(&format!("chart-{:03}", i / 10), &format!("1.{}.0", i % 10))),
    );
    let published = index.publish(at(0));
    assert!(!published.is_gzipped());
    let gzip: Vec<u8> = published.gzip_parts().iter().flatten().copied().collect();
    assert!(published.is_gzipped());
    assert!(gzip.len() < usize::try_from(published.len()).unwrap() / 3);
    let mut plain = Vec::new();
    // GzDecoder reads a single member and checks its CRC and size
    let mut decoder = flate2::bufread::GzDecoder::new(gzip.as_slice());
    decoder.read_to_end(&mut plain).unwrap();
    assert_eq!(plain, published.to_bytes());
    assert!(decoder.into_inner().is_empty());
}

/// An index whose entries are long enough that a few of them make a page.
fn long_listing(name: u8, version: u8) -> Listing {
    let (name, version) = (format!("c{name}"), format!("{version}.0.0"));
    let file_name = format!("{name}-{version}.tgz");
    let mut listing = listing(&name, &version, &file_name);
    let description = "x".repeat(100_000);
    listing.head =
        format!(r#"{{"name":"{name}","version":"{version}","description":"{description}""#).into();
    listing
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, u8),
    Remove(u8, u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..4u8, 0..6u8, prop::bool::weighted(0.6)).prop_map(|(name, version, insert)| {
        if insert {
            Step::Insert(name, version)
        } else {
            Step::Remove(name, version)
        }
    });
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_way_to_the_same_entries_gives_the_same_bytes(steps in steps(), yaml: bool) {
        let format = if yaml { IndexFormat::Yaml } else { IndexFormat::Json };
        let mut stepwise = RepositoryIndex::new(style(format));
        let mut world = std::collections::BTreeSet::new();
        for step in steps {
            match step {
                Step::Insert(name, version) => {
                    world.insert((name, version));
                    stepwise.apply([upload(long_listing(name, version))]);
                }
                Step::Remove(name, version) => {
                    world.remove(&(name, version));
                    stepwise.apply([Change::Remove(format!("c{name}-{version}.0.0.tgz").into())]);
                }
            }
        }
        let mut at_once = RepositoryIndex::new(style(format));
        at_once.apply(world.iter().rev().map(|&(name, version)| upload(long_listing(name, version))));
        let (a, b) = (stepwise.publish(at(0)), at_once.publish(at(0)));
        prop_assert!(a.to_bytes() == b.to_bytes());
        prop_assert_eq!(a.etag(), b.etag());
        prop_assert_eq!(stepwise.version_count(), world.len());
    }

    #[test]
    fn what_is_rendered_parses_back_to_the_same(
        texts in prop::collection::vec(any::<String>(), 1..6),
        yaml: bool,
    ) {
        let format = if yaml { IndexFormat::Yaml } else { IndexFormat::Json };
        let mut index = RepositoryIndex::new(style(format));
        let listings = texts.iter().enumerate().map(|(i, text)| {
            let name = format!("chart{i}");
            let package = crate::chart::archive::ChartPackage {
                metadata: crate::chart::metadata::Metadata {
                    name: name.clone(),
                    version: "1.0.0".into(),
                    description: text.clone(),
                    keywords: vec![text.clone()],
                    annotations: [(text.clone(), text.clone())].into(),
                    ..Default::default()
                },
                version: crate::chart::version::Version::parse("1.0.0").unwrap(),
                digest: crate::chart::digest::Sha256Hex::of(b""),
            };
            let stamp = crate::repository::entry::Stamp::new(1, at(1), b"");
            upload(Listing::new(&package, &format!("{name}-1.0.0.tgz"), stamp))
        });
        index.apply(listings);
        let bytes = index.publish(at(0)).to_bytes();
        // JSON is YAML, so both forms must read the same as YAML 1.1, which is what an old Helm does with either
        let limits = crate::yaml::Limits { nodes: 10_000, depth: 64 };
        let parsed = crate::yaml::parse(&bytes, limits).unwrap().to_json();
        if !yaml {
            prop_assert_eq!(&parsed, &serde_json::from_slice::<serde_json::Value>(&bytes).unwrap());
        }
        for (i, text) in texts.iter().enumerate() {
            let entry = &parsed["entries"][format!("chart{i}")][0];
            if !text.is_empty() {
                prop_assert_eq!(entry["description"].as_str(), Some(text.as_str()));
            }
            prop_assert_eq!(entry["keywords"][0].as_str(), Some(text.as_str()));
            prop_assert_eq!(entry["annotations"][text.as_str()].as_str(), Some(text.as_str()));
        }
    }
}
