//! The distribution API: its own suite, what it promises on the wire, one chart in two views, the clients that people
//! have.

mod blobs;
mod charts;
mod clients;
mod conformance;
mod disk_full;
mod garbage;
mod helm_clients;
mod hostile;
mod lists;
mod manifests;
mod refusals;
mod storm;
mod uploads;

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::chart_builder::sha256_hex;
use crate::support::http::{Http, Response};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CHART_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const PROVENANCE_LAYER: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// The SHA-256 digest of `bytes`, as OCI spells it.
fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256_hex(bytes))
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() })
}

/// The manifest of an image of one layer.
fn image_of(layer: &[u8]) -> String {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": descriptor("application/vnd.oci.image.config.v1+json", b"{}"),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    });
    manifest.to_string()
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// A client of one repository.
struct Repository {
    http: Http,
    name: String,
}

impl Repository {
    fn new(http: &Http, name: &str) -> Repository {
        Repository {
            http: http.clone(),
            name: name.to_owned(),
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.name)
    }

    async fn get(&self, rest: &str) -> Response {
        self.http.get(&self.path(rest)).await
    }

    async fn head(&self, rest: &str) -> Response {
        self.http.request("HEAD", &self.path(rest)).send().await
    }

    async fn delete(&self, rest: &str) -> Response {
        self.http.request("DELETE", &self.path(rest)).send().await
    }

    /// Begins an upload; returns its location.
    async fn begin(&self) -> String {
        let begun = self
            .http
            .request("POST", &self.path("blobs/uploads/"))
            .send()
            .await
            .expect(202);
        begun.header("location").expect("a location").to_owned()
    }

    /// Appends a chunk at `first`.
    async fn patch(&self, upload: &str, first: usize, chunk: &[u8]) -> Response {
        let range = format!("{first}-{}", first + chunk.len() - 1);
        self.http
            .request("PATCH", upload)
            .header("content-range", &range)
            .body(chunk.to_vec())
            .send()
            .await
    }

    /// Ends an upload.
    async fn finish(&self, upload: &str, digest: &str, rest: &[u8]) -> Response {
        let path = format!("{upload}?digest={}", digest.replace(':', "%3A"));
        let request = self.http.request("PUT", &path).body(rest.to_vec());
        request.send().await
    }

    /// Uploads a blob in one request; returns its digest.
    async fn push_blob(&self, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        let path = self.path(&format!("blobs/uploads/?digest={digest}"));
        let request = self.http.request("POST", &path).body(bytes.to_vec());
        request.send().await.expect(201);
        digest
    }

    async fn put(&self, reference: &str, media_type: &str, manifest: &[u8]) -> Response {
        self.http
            .request("PUT", &self.path(&format!("manifests/{reference}")))
            .header("content-type", media_type)
            .body(manifest.to_vec())
            .send()
            .await
    }

    /// Pushes an image of one layer; returns its manifest.
    async fn push_image(&self, tag: &str, layer: &[u8]) -> Bytes {
        let manifest = self.image(layer).await;
        self.put(tag, IMAGE, &manifest).await.expect(201);
        manifest
    }

    /// Pushes the blobs of an image; returns its manifest.
    async fn image(&self, layer: &[u8]) -> Bytes {
        self.push_blob(b"{}").await;
        self.push_blob(layer).await;
        image_of(layer).into()
    }

    /// Pushes a chart as Helm does, by tag; returns the answer to the manifest.
    async fn push_chart(&self, tag: &str, package: &[u8], provenance: Option<&[u8]>) -> Response {
        let config = br#"{"name":"x"}"#;
        self.push_blob(config).await;
        self.push_blob(package).await;
        let mut layers = vec![descriptor(CHART_LAYER, package)];
        if let Some(provenance) = provenance {
            self.push_blob(provenance).await;
            layers.push(descriptor(PROVENANCE_LAYER, provenance));
        }
        let manifest = json!({
            "schemaVersion": 2,
            "config": descriptor(CHART_CONFIG, config),
            "layers": layers,
        });
        self.put(tag, IMAGE, manifest.to_string().as_bytes()).await
    }
}

/// The code of the first error of an answer.
#[track_caller]
fn code(response: &Response) -> String {
    let body = response.json();
    let code = body["errors"][0]["code"].as_str();
    assert!(body["errors"][0]["message"].is_string(), "{body}");
    assert_eq!(response.header("content-type"), Some("application/json"));
    code.unwrap_or_else(|| panic!("no code in {body}"))
        .to_owned()
}
