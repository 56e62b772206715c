//! What a storage directory holds, and what an index says it holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use serde_json::Value;

use crate::support::chart_builder::sha256_hex;
use crate::support::http::Http;
use crate::support::server::TestServer;

/// What the program itself keeps beside the packages.
const OWN_FILES: [&str; 3] = ["index-cache.yaml", ".chartroom-index", ".chartroom-lock"];

/// Files directly in a directory, by name.
pub struct Contents {
    /// Digests of `*.tgz`.
    pub packages: BTreeMap<String, String>,
    /// Digests of `*.tgz.prov`.
    pub provenances: BTreeMap<String, String>,
    /// Names of everything else.
    pub others: Vec<String>,
}

impl Contents {
    #[track_caller]
    pub fn read(directory: &Path) -> Contents {
        let mut contents = Contents {
            packages: BTreeMap::new(),
            provenances: BTreeMap::new(),
            others: Vec::new(),
        };
        for entry in fs::read_dir(directory).expect("the storage directory") {
            let entry = entry.expect("an entry of the storage directory");
            let name = entry
                .file_name()
                .into_string()
                .expect("a name that is text");
            let digest = || {
                sha256_hex(&fs::read(entry.path()).expect("a file that stays while nobody writes"))
            };
            if name.ends_with(".tgz") {
                contents.packages.insert(name, digest());
            } else if name.ends_with(".prov") {
                contents.provenances.insert(name, digest());
            } else {
                contents.others.push(name);
            }
        }
        contents
    }

    /// No trace of an interrupted write, and nothing that nobody knows.
    #[track_caller]
    pub fn assert_nothing_temporary(&self) {
        let unknown: Vec<_> = self
            .others
            .iter()
            .filter(|name| !OWN_FILES.contains(&name.as_str()))
            .collect();
        assert!(unknown.is_empty(), "left behind: {unknown:?}");
    }

    /// The index lists what is stored, with its digests, and nothing else.
    #[track_caller]
    pub fn assert_listed_by(&self, index: &BTreeMap<String, String>) {
        assert_eq!(
            index, &self.packages,
            "left: what the index lists; right: what is stored"
        );
    }
}

/// Waits until the server says that its index is complete.
pub async fn ready(server: &TestServer) {
    let http = server.http();
    server
        .eventually("/readyz is 200", || async {
            http.get("/readyz").await.status == 200
        })
        .await;
}

/// File names and digests of the index, and its bytes.
pub async fn index(http: &Http) -> (BTreeMap<String, String>, Bytes) {
    let response = http.get("/index.yaml").await.expect(200);
    (listed(&response.json()), response.body)
}

/// File names and digests of an index in JSON; a file or a version that is listed twice fails the test.
#[track_caller]
pub fn listed(index: &Value) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (name, versions) in index["entries"].as_object().expect("entries") {
        let mut seen = Vec::new();
        for version in versions.as_array().expect("versions") {
            assert!(
                !seen.contains(&&version["version"]),
                "{name} {} is listed twice",
                version["version"]
            );
            seen.push(&version["version"]);
            let url = version["urls"][0].as_str().expect("a URL");
            let file_name = url
                .strip_prefix("charts/")
                .expect("a relative URL")
                .to_owned();
            let digest = version["digest"].as_str().expect("a digest").to_owned();
            assert_eq!(
                files.insert(file_name, digest),
                None,
                "{url} is listed twice"
            );
        }
    }
    files
}

/// The index that a scan gives which reads no cache and writes none.
#[track_caller]
pub fn fresh_index(storage: &Path) -> String {
    let options = TestServer::options().storage(storage).args([
        "--disable-statefiles",
        "--gen-index",
        "--json-index=true",
    ]);
    options.run_to_exit().succeeded().stdout()
}
