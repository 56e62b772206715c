//! Packages that lie, climb, burst or never end.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use tar::{EntryType, Header};

use super::{assert_unharmed, outside_of_storage, post_both};
use crate::support::chart_builder::ChartBuilder;
use crate::support::server::TestServer;
use crate::support::tar::{Tar, gzip};

const MIB: u64 = 1024 * 1024;
const CHART_YAML: &[u8] = b"apiVersion: v2\nname: x\nversion: 1.0.0\n";

fn chart() -> Tar {
    Tar::new().file("x/Chart.yaml", CHART_YAML)
}

fn with(name: &str) -> Vec<u8> {
    chart().file(name, b"evil").gzip()
}

fn with_chart_yaml(text: impl Into<Vec<u8>>) -> Vec<u8> {
    ChartBuilder::new("x", "1.0.0").chart_yaml(text).package()
}

fn with_file(path: &str, text: impl Into<Vec<u8>>) -> Vec<u8> {
    ChartBuilder::new("x", "1.0.0").file(path, text).package()
}

/// A header of any kind and size, with whatever stands behind it.
fn header(kind: EntryType, name: &str, size: u64) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_path(name).expect("a short name");
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn pax(records: &[u8]) -> Vec<u8> {
    let mut bytes = header(EntryType::XHeader, "pax", records.len() as u64);
    bytes.extend_from_slice(records);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// Gzip members one behind the other are one stream: a million entries from a few kilobytes of work.
fn million_empty_entries() -> Vec<u8> {
    let member = |bytes: &[u8]| {
        let mut out = GzEncoder::new(Vec::new(), Compression::best());
        out.write_all(bytes).expect("memory takes all bytes");
        out.finish().expect("memory takes all bytes")
    };
    let mut package = member(
        &[
            &header(EntryType::Regular, "x/Chart.yaml", CHART_YAML.len() as u64)[..],
            CHART_YAML,
            &[0; 512][CHART_YAML.len()..],
        ]
        .concat(),
    );
    let entries = member(&header(EntryType::Regular, "x/e", 0).repeat(10_000));
    for _ in 0..100 {
        package.extend_from_slice(&entries);
    }
    package
}

fn zeros(files: u64, mib: u64) -> Tar {
    (0..files).fold(chart(), |tar, n| {
        tar.zeros(&format!("x/files/{n}"), mib * MIB)
    })
}

fn aliases(levels: usize) -> String {
    let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..levels {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text += &format!("a{level}: &a{level} [{}]\n", below.trim_end_matches(", "));
    }
    text
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let yaml = |more: &str| format!("{}{more}", String::from_utf8_lossy(CHART_YAML));
    let good = ChartBuilder::new("x", "1.0.0")
        .file("noise.txt", "some text to cut through ".repeat(400))
        .package();
    let long = "a/".repeat(700_000);
    vec![
        ("nothing", Vec::new()),
        ("not gzip", b"#!/bin/sh\nrm -rf /\n".to_vec()),
        ("gzip of nothing", gzip(b"")),
        ("gzip of text", gzip(&b"hello ".repeat(1000))),
        ("a tar without files", Tar::new().gzip()),
        ("cut after ten bytes", good[..10].to_vec()),
        ("cut in the middle", good[..good.len() / 2].to_vec()),
        (
            "cut before the end of a file",
            Tar::new()
                .file_claiming("x/Chart.yaml", 5000, CHART_YAML)
                .gzip_without_end(),
        ),
        ("a name that climbs", with("x/../../../etc/passwd")),
        (
            "a name that climbs late",
            with("x/templates/../../../../etc/passwd"),
        ),
        ("a name that climbs on Windows", with(r"x\..\..\evil")),
        ("an absolute name", with("x//etc/passwd")),
        ("an absolute name on Windows", with(r"x\\server\share")),
        ("a drive", with("x/c:/windows/evil")),
        ("a file at the root", with("evil")),
        (
            "a Chart.yaml at the root",
            Tar::new().file("Chart.yaml", CHART_YAML).gzip(),
        ),
        (
            "a Chart.yaml that is a link",
            Tar::new()
                .entry("x/Chart.yaml", EntryType::Symlink, "/etc/passwd")
                .gzip(),
        ),
        (
            "a file of 5 MiB and a byte",
            chart().zeros("x/big", 5 * MIB + 1).gzip(),
        ),
        (
            "a file that claims 8 GiB",
            chart()
                .file_claiming("x/big", 8 * 1024 * MIB - 1, b"")
                .gzip(),
        ),
        (
            "a Chart.yaml that claims 4 MiB",
            Tar::new()
                .file_claiming("x/Chart.yaml", 4 * MIB, CHART_YAML)
                .gzip_without_end(),
        ),
        ("100 MiB and more in all", zeros(21, 5).gzip()),
        (
            "a bomb in a subchart",
            chart().file("x/charts/y.tgz", &zeros(21, 5).gzip()).gzip(),
        ),
        ("a bomb in a subchart of a subchart", {
            let inner = chart().file("x/charts/z.tgz", &zeros(21, 5).gzip()).gzip();
            chart().file("x/charts/y.tgz", &inner).gzip()
        }),
        ("many small bombs in subcharts", {
            let bomb = zeros(4, 5).gzip();
            (0..30)
                .fold(chart(), |tar, n| {
                    tar.file(&format!("x/charts/y{n}.tgz"), &bomb)
                })
                .gzip()
        }),
        (
            "subcharts without end",
            (0..40).fold(chart().gzip(), |inner, _| {
                chart().file("x/charts/y.tgz", &inner).gzip()
            }),
        ),
        ("a million empty entries", million_empty_entries()),
        ("a long name that climbs", {
            let records = b"27 path=x/../../../escaped\n";
            chart().bytes(&pax(records)).file("x/short", b"evil").gzip()
        }),
        ("an extended name of a megabyte", {
            let text = format!("path=x/{long}\n");
            let length = text.len() + 8;
            chart()
                .bytes(&pax(format!("{length} {text}").as_bytes()))
                .file("x/short", b"")
                .gzip()
        }),
        (
            "an extended header that claims a gigabyte",
            chart()
                .bytes(&header(EntryType::XHeader, "pax", 1024 * MIB))
                .gzip(),
        ),
        (
            "an extended header that lies about its records",
            chart()
                .bytes(&pax(b"999999 path=x\n"))
                .file("x/short", b"")
                .gzip(),
        ),
        ("a GNU long name of a megabyte", {
            let mut bytes = header(EntryType::GNULongName, "long", long.len() as u64);
            bytes.extend_from_slice(long.as_bytes());
            bytes.resize(bytes.len().next_multiple_of(512), 0);
            chart().bytes(&bytes).file("x/short", b"").gzip()
        }),
        (
            "a GNU long name that claims a gigabyte",
            chart()
                .bytes(&header(EntryType::GNULongName, "long", 1024 * MIB))
                .gzip(),
        ),
        (
            "two sizes for one file",
            chart()
                .bytes(&pax(b"13 size=1048\n"))
                .file("x/short", b"evil")
                .gzip(),
        ),
        (
            "a sparse file of terabytes",
            chart()
                .bytes(&header(EntryType::GNUSparse, "x/sparse", 0))
                .gzip(),
        ),
        ("a header with a wrong checksum", {
            let mut bytes = header(EntryType::Regular, "x/evil", 0);
            bytes[150] ^= 1;
            chart().bytes(&bytes).gzip()
        }),
        (
            "a Chart.yaml that is deep",
            with_chart_yaml(yaml(&format!("deep: {}", "[".repeat(200_000)))),
        ),
        (
            "a Chart.yaml that is deep in blocks",
            with_chart_yaml(yaml(
                &(0..1500)
                    .map(|n| format!("{}a:\n", " ".repeat(n)))
                    .collect::<String>(),
            )),
        ),
        (
            "a Chart.yaml of aliases",
            with_chart_yaml(yaml(&aliases(10))),
        ),
        (
            "a Chart.yaml that contains itself",
            with_chart_yaml(yaml("annotations: &a\n  self: *a\n")),
        ),
        (
            "a Chart.yaml of 4 MiB",
            with_chart_yaml(yaml(&format!("description: {}\n", "x".repeat(4 << 20)))),
        ),
        (
            "a Chart.yaml of a million keywords",
            with_chart_yaml(yaml(&format!("keywords: [{}]\n", "a,".repeat(400_000)))),
        ),
        ("a Chart.yaml of binary", with_chart_yaml(vec![0xff; 1000])),
        ("a Chart.yaml that is a list", with_chart_yaml("- a\n- b\n")),
        ("an empty Chart.yaml", with_chart_yaml("")),
        (
            "values that are deep",
            with_file("values.yaml", "{a: ".repeat(100_000)),
        ),
        ("values of aliases", with_file("values.yaml", aliases(12))),
        (
            "values that are no mapping",
            with_file("values.yaml", "- a\n"),
        ),
        (
            "requirements of aliases",
            with_file("requirements.yaml", aliases(10)),
        ),
        (
            "a lock that is deep",
            with_file("Chart.lock", "- ".repeat(100_000)),
        ),
    ]
}

#[tokio::test]
async fn hostile_packages_are_refused_and_leave_nothing() {
    let server = TestServer::start(&[]);
    let before = outside_of_storage(server.world());
    for (what, package) in hostile() {
        post_both(&server, what, &package, 400).await;
    }
    let index = server.http().get("/index.yaml").await.expect(200).json();
    assert_eq!(index["entries"], serde_json::json!({}));
    assert_eq!(server.stored(), [""; 0], "something was stored");
    assert_eq!(outside_of_storage(server.world()), before);
    assert_unharmed(&server);
}

/// What Helm's loader lets pass does no harm either: nothing is ever unpacked (docs/chartmuseum.md 6.1).
#[tokio::test]
async fn odd_packages_that_helm_takes_are_stored_as_they_are() {
    let server = TestServer::start(&[]);
    let before = outside_of_storage(server.world());
    let good = chart().gzip();
    let mut wrong_sum = good.clone();
    let at = wrong_sum.len() - 8;
    wrong_sum[at] ^= 1;
    let odd = [
        ("an absolute first component", with("/abs/evil")),
        ("a climbing first component", with("../evil")),
        (
            "links",
            chart()
                .entry("x/l", EntryType::Symlink, "/etc/passwd")
                .entry("x/h", EntryType::Link, "x/../../../etc/passwd")
                .gzip(),
        ),
        (
            "devices",
            chart()
                .entry("x/c", EntryType::Char, "")
                .entry("x/f", EntryType::Fifo, "")
                .gzip(),
        ),
        ("exactly 5 MiB", chart().zeros("x/big", 5 * MIB).gzip()),
        ("nearly 100 MiB", zeros(19, 5).gzip()),
        (
            "trailing bytes in the tar",
            chart()
                .bytes(&[0; 1024])
                .bytes(&b"garbage".repeat(1000))
                .gzip_without_end(),
        ),
        ("a wrong checksum at the end", wrong_sum),
    ];
    for (what, package) in odd {
        post_both(&server, what, &package, 201).await;
        let stored = std::fs::read(server.storage().join("x-1.0.0.tgz")).unwrap();
        assert!(stored == package, "{what}: stored as it came");
        assert_eq!(
            server
                .http()
                .get("/charts/x-1.0.0.tgz")
                .await
                .expect(200)
                .body,
            package,
            "{what}"
        );
    }
    assert_eq!(outside_of_storage(server.world()), before);
    assert_unharmed(&server);
}
