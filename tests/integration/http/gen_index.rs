//! `--gen-index`.

use serde_json::json;
use tempfile::TempDir;

use super::{parsed_yaml, put_by_hand};
use crate::support::chart_builder::ChartBuilder;
use crate::support::server::TestServer;

#[test]
fn the_index_is_printed_whatever_state_file_there_is() {
    for statefile in [
        None,
        Some(
            "apiVersion: v1\nentries:\n  ghost:\n  - name: ghost\n    version: 1.0.0\n    urls: [charts/g.tgz]\n",
        ),
        Some("no: yaml: at all"),
    ] {
        let storage = TempDir::new().expect("a temporary directory");
        put_by_hand(
            storage.path(),
            "app-1.0.0.tgz",
            &ChartBuilder::new("app", "1.0.0").package(),
        );
        put_by_hand(storage.path(), "bad-1.0.0.tgz", b"bad");
        if let Some(text) = statefile {
            put_by_hand(storage.path(), "index-cache.yaml", text.as_bytes());
        }
        let finished = TestServer::options()
            .storage(storage.path())
            .arg("--gen-index")
            .run_to_exit()
            .succeeded();
        let text = finished.stdout();
        assert!(text.contains("apiVersion: v1\n"), "{text}");
        let index = parsed_yaml(text.as_bytes());
        let names: Vec<&String> = index["entries"]
            .as_object()
            .expect("a mapping")
            .keys()
            .collect();
        assert_eq!(names, ["app"], "{statefile:?}");
        assert!(
            finished.stderr().contains("Invalid package in storage"),
            "logs are apart: {finished}"
        );
    }
}

#[test]
fn it_is_json_for_who_asks_for_json() {
    let storage = TempDir::new().expect("a temporary directory");
    put_by_hand(
        storage.path(),
        "app-1.0.0.tgz",
        &ChartBuilder::new("app", "1.0.0").package(),
    );
    let options = TestServer::options().storage(storage.path());
    let finished = options
        .args(["--gen-index", "--json-index=true", "--chart-url=http://h"])
        .run_to_exit()
        .succeeded();
    let index: serde_json::Value = serde_json::from_str(&finished.stdout()).expect("JSON");
    assert_eq!(
        index["entries"]["app"][0]["urls"],
        json!(["http://h/charts/app-1.0.0.tgz"])
    );
}

#[test]
fn an_empty_storage_has_an_empty_index() {
    let finished = TestServer::options()
        .arg("--gen-index")
        .run_to_exit()
        .succeeded();
    assert_eq!(parsed_yaml(&finished.stdout)["entries"], json!({}));
}
