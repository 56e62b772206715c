//! The HTTP surface from outside: the real binary on a loopback port, over real directories.
//!
//! `README.md` beside this folder says which test covers which fact of docs/chartmuseum.md 14; `acceptance_list` holds
//! it to that.

mod acceptance_list;
mod artifact_hub;
mod built_in_charts;
mod by_hand;
mod caching;
mod chart_api;
mod configuration;
mod cors;
mod credentials;
mod deletion;
mod disk_full;
mod downloads;
mod gen_index;
mod index_text;
mod limits;
mod logs;
mod metrics;
mod multipart;
mod overwriting;
mod packaging;
mod provenance;
mod race;
mod readiness;
mod routes;
mod shutdown;
mod statefile;
mod tenants;
mod timeouts;
mod tls;
mod unreadable;
mod upload_refusals;
mod versions;
mod welcome;

use std::fs;
use std::path::Path;

use chartroom::yaml;
use serde_json::Value;

use crate::support::chart_builder::ChartBuilder;
use crate::support::form::Form;
use crate::support::http::{Http, Response};
use crate::support::server::TestServer;

/// Waits until the server says that its index is complete.
async fn ready(server: &TestServer) {
    server
        .eventually("the server is ready", async || {
            server.http().get("/readyz").await.status == 200
        })
        .await;
}

/// Uploads a chart as `curl --data-binary` does and returns its package.
async fn upload(http: &Http, path: &str, chart: &ChartBuilder) -> Vec<u8> {
    let package = chart.package();
    http.post(path, package.clone()).await.expect(201);
    package
}

/// A form with this package in the field `chart`.
fn chart_form(package: &[u8]) -> Form {
    Form::new().file("chart", "x.tgz", package)
}

/// A form with this provenance file in the field `prov`.
fn provenance_form(provenance: &str) -> Form {
    Form::new().file("prov", "x.tgz.prov", provenance.as_bytes())
}

/// What `GET /api/charts` below this path lists, as `name version`, in its order.
async fn listed(http: &Http, path: &str) -> Vec<String> {
    let charts = http.get(path).await.expect(200).json();
    names_and_versions(&charts)
}

/// What `index.yaml` at this path lists, in its order.
async fn indexed(http: &Http, path: &str) -> Vec<String> {
    let index = parsed(&http.get(path).await.expect(200));
    names_and_versions(&index["entries"])
}

fn names_and_versions(charts: &Value) -> Vec<String> {
    let charts = charts.as_object().expect("names to versions");
    let versions = |name: &str, versions: &Value| -> Vec<String> {
        let versions = versions.as_array().expect("a list of versions");
        versions
            .iter()
            .map(|entry| format!("{name} {}", entry["version"].as_str().expect("a string")))
            .collect()
    };
    charts
        .iter()
        .flat_map(|(name, of_chart)| versions(name, of_chart))
        .collect()
}

/// A body of YAML, with the types that Helm's loader gives its scalars; JSON is YAML too.
#[track_caller]
fn parsed(response: &Response) -> Value {
    parsed_yaml(&response.body)
}

#[track_caller]
fn parsed_yaml(text: &[u8]) -> Value {
    let limits = yaml::Limits {
        nodes: 1_000_000,
        depth: 100,
    };
    yaml::parse(text, limits).expect("YAML").to_json()
}

/// The names of what lies directly in a directory, without the server's own caches, sorted.
fn files(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.expect("a directory entry").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("a name in UTF-8")).collect();
    names.retain(|name| !name.contains("index-cache.yaml") && !name.starts_with(".chartroom-"));
    names.sort();
    names
}

/// Puts a package into a directory by hand.
fn put_by_hand(directory: &Path, file_name: &str, content: &[u8]) {
    fs::create_dir_all(directory).expect("a writable directory");
    fs::write(directory.join(file_name), content).expect("a writable directory");
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}
