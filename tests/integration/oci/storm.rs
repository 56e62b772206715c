//! Pushes, deletions and a collection that spares nothing but what is a second old, ended by a SIGKILL at any instant:
//! what was acknowledged is whole afterwards, and what is nobody's goes.

use std::collections::BTreeMap;
use std::env;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use super::{IMAGE, Repository, digest};
use crate::support::http::Http;
use crate::support::random::Random;
use crate::support::server::{TestServer, chartroom};

/// Unless `CHARTROOM_STORM_ROUNDS` says how many.
const ROUNDS: usize = 200;
/// On a machine that is too slow for all rounds, the storm ends after this long.
const TIME: Duration = Duration::from_secs(60);
/// Fewer rounds than this prove nothing.
const FEWEST_ROUNDS: usize = 20;
const CLIENTS: usize = 4;
/// Few, so that what is collected is pushed again.
const LAYERS: u64 = 6;

/// What a client was told: the manifest of each tag, or that it is gone; `None` while it does not know.
type Tags = BTreeMap<String, Option<Bytes>>;

struct Client {
    name: String,
    random: Random,
    tags: Tags,
}

impl Client {
    /// Pushes and deletes until the server is gone.
    async fn run(mut self, http: Http) -> Self {
        while self.push(&http).await.is_ok() {}
        self
    }

    async fn push(&mut self, http: &Http) -> Result<(), String> {
        let path = |rest: &str| format!("/v2/{}/{rest}", self.name);
        let tag = format!("t{}", self.random.below(4));
        let target = path(&format!("manifests/{tag}"));
        if self.random.below(5) == 0 {
            self.tags.remove(&tag);
            let deleted = http.request("DELETE", &target).try_send().await?;
            assert!([202, 404].contains(&deleted.status), "{}", deleted.text());
            self.tags.insert(tag, None);
            return Ok(());
        }
        let layer = format!("layer {} {}", self.random.below(LAYERS), "x".repeat(3000));
        for blob in [layer.as_bytes(), b"{}"] {
            let wanted = digest(blob);
            let begun = http
                .request("POST", &path("blobs/uploads/"))
                .try_send()
                .await?
                .expect(202);
            let upload = begun.header("location").expect("a location").to_owned();
            let (first, rest) = blob.split_at(blob.len() / 2);
            let chunk = http.request("PATCH", &upload).body(first.to_vec());
            chunk.try_send().await?.expect(202);
            let put = http.request("PUT", &format!("{upload}?digest={wanted}"));
            put.body(rest.to_vec()).try_send().await?.expect(201);
        }
        let manifest = Bytes::from(super::image_of(layer.as_bytes()));
        self.tags.remove(&tag);
        let put = http.request("PUT", &target).header("content-type", IMAGE);
        put.body(manifest.clone()).try_send().await?.expect(201);
        self.tags.insert(tag, Some(manifest));
        Ok(())
    }
}

async fn assert_whole(client: &Client, http: &Http) {
    let repository = Repository::new(http, &client.name);
    for (tag, expected) in &client.tags {
        let got = repository.get(&format!("manifests/{tag}")).await;
        let Some(expected) = expected else {
            assert_eq!(got.status, 404, "{tag} was deleted");
            continue;
        };
        assert!(got.expect(200).body == *expected, "{}:{tag}", client.name);
        let document: Value = serde_json::from_slice(expected).expect("JSON");
        for needed in [&document["config"], &document["layers"][0]] {
            let wanted = needed["digest"].as_str().expect("a digest");
            let blob = repository.get(&format!("blobs/{wanted}")).await.expect(200);
            assert_eq!(digest(&blob.body), wanted);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill_beside_a_collection() {
    let mut random = Random::from_environment("CHARTROOM_STORM_SEED");
    let mut server = TestServer::start(&["--oci-gc-interval=20ms", "--oci-gc-grace=1s"]);
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|n| Client {
            name: format!("org/app{n}"),
            random: random.fork(),
            tags: Tags::new(),
        })
        .collect();
    let most = env::var("CHARTROOM_STORM_ROUNDS").map_or(ROUNDS, |rounds| {
        rounds.parse().expect("CHARTROOM_STORM_ROUNDS is a number")
    });
    let started = Instant::now();
    let mut rounds = 0;
    while rounds < most && (started.elapsed() < TIME || rounds < FEWEST_ROUNDS) {
        rounds += 1;
        let running: Vec<_> = clients
            .drain(..)
            .map(|client| tokio::spawn(client.run(server.http())))
            .collect();
        // not for luck: the instant of the kill is what is drawn
        tokio::time::sleep(Duration::from_millis(5 + random.below(150))).await;
        server.kill9();
        for client in running {
            clients.push(client.await.expect("a client"));
        }
        server.start_again();
        for client in &clients {
            assert_whole(client, &server.http()).await;
        }
    }
    // nobody pushes any more: what is left is what tags need
    server.kill9();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let root = format!("--storage-local-rootdir={}", server.storage().display());
    let gc = ["gc", "--storage=local", &root, "--oci-gc-grace=1s"];
    chartroom(&gc, server.storage()).succeeded();
    let registry = server.storage().join(".oci");
    let uploads = super::files(&registry.join("uploads"));
    assert!(uploads.is_empty(), "{uploads:?}");
    let temporary = super::files(&registry.join("tmp"));
    assert!(temporary.is_empty(), "{temporary:?}");
    server.start_again();
    let mut needed = std::collections::BTreeSet::new();
    for client in &clients {
        assert_whole(client, &server.http()).await;
        let repository = Repository::new(&server.http(), &client.name);
        let listed = repository.get("tags/list").await;
        let tags = if listed.status == 200 {
            listed.json()["tags"].clone()
        } else {
            Value::Null
        };
        for tag in tags.as_array().into_iter().flatten() {
            let tag = tag.as_str().expect("a tag");
            let manifest = repository
                .get(&format!("manifests/{tag}"))
                .await
                .expect(200)
                .json();
            for blob in [&manifest["config"], &manifest["layers"][0]] {
                needed.insert(
                    blob["digest"]
                        .as_str()
                        .expect("a digest")
                        .replace("sha256:", ""),
                );
            }
        }
    }
    let blobs = super::files(&registry.join("blobs"));
    let names = blobs.iter().filter_map(|path| path.file_name()?.to_str());
    let left: std::collections::BTreeSet<String> = names.map(str::to_owned).collect();
    assert_eq!(left, needed, "after {rounds} rounds");
}
