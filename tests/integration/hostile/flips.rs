//! Packages with a few wrong bytes: whatever comes of it, it is an answer and no failure of the server.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use super::assert_unharmed;
use crate::support::chart_builder::ChartBuilder;
use crate::support::form::Form;
use crate::support::http::Http;
use crate::support::server::TestServer;
use crate::support::tar::{Tar, gzip};

/// Where, in parts of the whole, and what to lay over it.
type Flips = Vec<(f64, u8)>;

fn flips() -> impl Strategy<Value = Flips> {
    prop::collection::vec((0.0..1.0, 1..=255u8), 1..6)
}

fn flipped(bytes: &[u8], flips: &Flips) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, mask) in flips {
        let at = (*at * bytes.len() as f64) as usize;
        bytes[at] ^= mask;
    }
    bytes
}

/// The chart's tar before it is compressed, with a subchart, a long name and some text.
fn tar_bytes() -> Vec<u8> {
    let package = chart().package();
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&package[..]), &mut tar)
        .expect("a package");
    tar
}

fn chart() -> ChartBuilder {
    let subchart = ChartBuilder::new("sub", "0.1.0").package();
    ChartBuilder::new("app", "1.0.0")
        .more_yaml("keywords: [a, b]\nmaintainers:\n- name: somebody\nannotations:\n  a: 'b'\n")
        .dependencies(&[("sub", ">=0.1", "")])
        .file("charts/sub-0.1.0.tgz", subchart)
        .file("requirements.yaml", "dependencies: []\n")
}

/// Every header of the tar gets the checksum that it should have, so that what was flipped in it counts.
fn with_right_checksums(mut tar: Vec<u8>) -> Vec<u8> {
    for block in tar
        .chunks_exact_mut(512)
        .filter(|block| block[257..262] == *b"ustar")
    {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}

/// Runs as many cases as it takes seconds to wait for, and asserts that none is answered with a 5xx.
fn never_a_failure<V: std::fmt::Debug>(
    strategy: impl Strategy<Value = V>,
    package: impl Fn(V) -> Vec<u8>,
) {
    let runtime = Runtime::new().expect("a runtime");
    let server = runtime.block_on(async { TestServer::start(&[]) });
    let http = server.http();
    let config = Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&strategy, |value| {
        let package = package(value);
        let status = runtime.block_on(statuses(&http, &package));
        let status = status.map_err(TestCaseError::fail)?;
        prop_assert!(
            matches!(status, [201 | 400, 201 | 400]) && status[0] == status[1],
            "{status:?}"
        );
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(async {
        http.get("/index.yaml").await.expect(200).json();
    });
    assert_unharmed(&server);
}

async fn statuses(http: &Http, package: &[u8]) -> Result<[u16; 2], String> {
    let raw = http
        .request("POST", "/api/charts?force")
        .body(package.to_vec())
        .try_send()
        .await?;
    let form = Form::new().file("chart", "a.tgz", package);
    let request = http
        .request("POST", "/api/charts?force")
        .header("content-type", &form.content_type());
    Ok([
        raw.status,
        request.chunked_body(form.body()).try_send().await?.status,
    ])
}

#[test]
fn flipped_bytes_of_a_package_never_fail_the_server() {
    let package = chart().package();
    never_a_failure(flips(), |flips| flipped(&package, &flips));
}

#[test]
fn flipped_bytes_of_the_tar_inside_never_fail_the_server() {
    let tar = tar_bytes();
    never_a_failure((flips(), any::<bool>()), |(flips, repair)| {
        let tar = flipped(&tar, &flips);
        gzip(&if repair {
            with_right_checksums(tar)
        } else {
            tar
        })
    });
}

#[test]
fn flipped_bytes_of_chart_yaml_never_fail_the_server() {
    let text = "apiVersion: v2\nname: app\nversion: &v 1.0.0\nappVersion: *v\ndescription: >-\n  folded\n  text\n\
                keywords: [\"a\\u0041\", 'b', ~, 0x1f, 1e3]\nmaintainers:\n- {name: n, email: e}\n? dependencies\n: - name: d\n    \
                version: '>=1'\n    repository: ''\n    import-values: [{child: a, parent: b}]\n";
    never_a_failure(flips(), |flips| {
        Tar::new()
            .file("app/Chart.yaml", &flipped(text.as_bytes(), &flips))
            .gzip()
    });
}

#[test]
fn cut_packages_never_fail_the_server() {
    let package = chart().package();
    never_a_failure(
        (0.0..1.0, prop::collection::vec(any::<u8>(), 0..40)),
        |(at, more)| {
            let mut cut = package[..(at * package.len() as f64) as usize].to_vec();
            cut.extend(more);
            cut
        },
    );
}
