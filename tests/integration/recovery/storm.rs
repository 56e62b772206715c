//! An upload storm that a SIGKILL ends at any instant, and what must be true afterwards, round after round.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::contents::{Contents, fresh_index, ready};
use crate::support::chart_builder::{ChartBuilder, sha256_hex, unsigned_provenance};
use crate::support::form::Form;
use crate::support::http::{Http, Request};
use crate::support::random::Random;
use crate::support::server::TestServer;

/// Clients that upload at the same time.
const CLIENTS: usize = 6;
/// Versions each client works on: few enough that overwrites and deletions are frequent.
const VERSIONS: u64 = 12;
/// Unless `CHARTROOM_STORM_ROUNDS` says how many.
const ROUNDS: usize = 200;
/// On a machine that is too slow for all rounds, the storm ends after this long.
const TIME: Duration = Duration::from_secs(60);
/// How long the clients may take for the few requests of one round.
const PATIENCE: Duration = Duration::from_secs(30);
/// Fewer rounds than this prove nothing.
const FEWEST_ROUNDS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill_at_any_instant() {
    let mut random = Random::from_environment("CHARTROOM_STORM_SEED");
    let mut server = TestServer::start(&[]);
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|number| Client::new(number, &mut random))
        .collect();
    let started = Instant::now();
    let most = env::var("CHARTROOM_STORM_ROUNDS").map_or(ROUNDS, |rounds| {
        rounds.parse().expect("CHARTROOM_STORM_ROUNDS is a number")
    });
    let most = most.max(FEWEST_ROUNDS);
    let mut rounds = 0;
    while rounds < most && (started.elapsed() < TIME || rounds < FEWEST_ROUNDS) {
        rounds += 1;
        ready(&server).await;
        let contested = format!("0.0.{rounds}");
        let (count, mut acknowledgements) = watch::channel(0);
        let running: Vec<_> = clients
            .drain(..)
            .map(|client| tokio::spawn(client.run(server.http(), contested.clone(), count.clone())))
            .collect();
        // the instant is relative to what was acknowledged, so that slow disks see as many states as fast ones
        let target = random.below(16);
        let seen = acknowledgements.wait_for(|count| *count >= target);
        tokio::time::timeout(PATIENCE, seen)
            .await
            .expect("requests are answered")
            .expect("the counter lives");
        tokio::time::sleep(Duration::from_micros(random.below(6_000))).await;
        // every fifth storm ends politely, so that the next kill finds an index cache that has fallen behind
        match random.below(5) {
            0 => drop(server.sigterm_and_wait()),
            1 => {
                server.sigterm();
                tokio::time::sleep(Duration::from_micros(random.below(6_000))).await;
                server.kill9();
            }
            _ => server.kill9(),
        }
        for client in running {
            clients.push(
                client
                    .await
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())),
            );
        }
        server.start_again();
        check(&server, &mut clients, &contested).await;
        assert!(
            !server.log().contains("panicked"),
            "the server panicked; log:\n{}",
            server.log()
        );
    }
    let acknowledged: usize = clients.iter().map(|client| client.acknowledged).sum();
    let open: usize = clients.iter().map(|client| client.interrupted).sum();
    println!(
        "{rounds} rounds in {:?}: {acknowledged} acknowledged, {open} interrupted",
        started.elapsed()
    );
    // a storm without wind would prove nothing
    assert!(
        acknowledged > 2 * rounds,
        "only {acknowledged} requests were acknowledged in {rounds} rounds"
    );
    assert!(
        open > rounds / 2,
        "only {open} requests were interrupted in {rounds} rounds"
    );
}

/// Everything that must be true after a restart.
async fn check(server: &TestServer, clients: &mut [Client], contested: &str) {
    ready(server).await;
    let (index, bytes) = super::contents::index(&server.http()).await;
    let stored = Contents::read(server.storage());
    stored.assert_nothing_temporary();
    stored.assert_listed_by(&index);
    let fresh = fresh_index(server.storage());
    assert_eq!(
        String::from_utf8_lossy(&bytes),
        fresh,
        "the index is not what a scan without a cache gives"
    );

    let mut known: BTreeSet<String> = clients.iter().flat_map(Client::file_names).collect();
    known.extend(
        stored
            .packages
            .keys()
            .filter(|name| name.starts_with("contested-"))
            .cloned(),
    );
    for name in stored.packages.keys().chain(stored.provenances.keys()) {
        assert!(
            known.contains(name),
            "{name} is stored, which nobody uploaded"
        );
    }
    for client in clients.iter_mut() {
        client.settle(&stored, &server.http()).await;
    }
    let winners: Vec<&String> = clients
        .iter()
        .filter_map(|client| client.won.as_ref())
        .collect();
    assert!(
        winners.len() <= 1,
        "contested {contested} was created {} times",
        winners.len()
    );
    let contested = stored.packages.get(&format!("contested-{contested}.tgz"));
    match (winners.first(), contested) {
        (Some(winner), stored) => assert_eq!(
            Some(*winner),
            stored,
            "the contested upload that got the 201"
        ),
        (None, Some(stored)) => {
            let tried = clients
                .iter()
                .any(|client| client.tried.as_ref() == Some(stored));
            assert!(tried, "a contested package that nobody sent");
        }
        (None, None) => {}
    }
}

/// What is stored of one version: digests.
#[derive(Clone, Debug, Default, PartialEq)]
struct Stored {
    package: Option<String>,
    provenance: Option<String>,
}

/// A client with versions of its own: it knows what must be stored of each.
struct Client {
    name: String,
    random: Random,
    versions: BTreeMap<String, Stored>,
    /// Versions that this round touched, to be downloaded afterwards.
    touched: BTreeSet<String>,
    /// The version whose last request was not answered, and what it would have made of it.
    open: Option<(String, Stored)>,
    /// Digest of the contested package that this client sent, and that it got a 201 for.
    tried: Option<String>,
    won: Option<String>,
    acknowledged: usize,
    interrupted: usize,
    serial: u64,
}

impl Client {
    fn new(number: usize, random: &mut Random) -> Client {
        Client {
            name: format!("client{number}"),
            random: random.fork(),
            versions: (0..VERSIONS)
                .map(|n| (format!("1.0.{n}"), Stored::default()))
                .collect(),
            touched: BTreeSet::new(),
            open: None,
            tried: None,
            won: None,
            acknowledged: 0,
            interrupted: 0,
            serial: 0,
        }
    }

    /// Uploads, overwrites and deletes until the server is gone.
    async fn run(mut self, http: Http, contested: String, count: watch::Sender<u64>) -> Client {
        (self.open, self.tried, self.won) = (None, None, None);
        self.touched.clear();
        if !self.contest(&http, &contested).await {
            return self;
        }
        loop {
            let version = format!("1.0.{}", self.random.below(VERSIONS));
            let before = self.versions[&version].clone();
            let (request, status, after) = self.next_request(&http, &version, &before);
            self.touched.insert(version.clone());
            match request.try_send().await {
                Ok(response) => {
                    response.expect(status);
                    self.versions.insert(version, after);
                    self.acknowledged += 1;
                    count.send_modify(|count| *count += 1);
                }
                Err(_) => {
                    self.open = Some((version, after));
                    self.interrupted += 1;
                    return self;
                }
            }
        }
    }

    /// All clients upload this version, each with bytes of its own. False if the server is gone.
    async fn contest(&mut self, http: &Http, version: &str) -> bool {
        let package = self.package("contested", version);
        let digest = sha256_hex(&package);
        self.tried = Some(digest.clone());
        match http
            .request("POST", "/api/charts")
            .body(package)
            .try_send()
            .await
        {
            Ok(response) if response.status == 201 => self.won = Some(digest),
            Ok(response) => drop(response.expect_error(409, "file already exists")),
            Err(_) => return false,
        }
        true
    }

    /// A request that makes sense now, its status, and what is stored if it is carried out.
    fn next_request(
        &mut self,
        http: &Http,
        version: &str,
        before: &Stored,
    ) -> (Request, u16, Stored) {
        let package = self.package(&self.name.clone(), version);
        let digest = Some(sha256_hex(&package));
        let signed = unsigned_provenance(&self.name, version, &package);
        let provenance = Some(sha256_hex(signed.as_bytes()));
        let form = Form::new().file("chart", "c.tgz", &package).file(
            "prov",
            "c.tgz.prov",
            signed.as_bytes(),
        );
        let form_request = |query: &str| {
            http.request("POST", &format!("/api/charts{query}"))
                .header("content-type", &form.content_type())
                .chunked_body(form.body())
        };
        let force = if before.package.is_some() || before.provenance.is_some() {
            "?force"
        } else {
            ""
        };
        let exists = before.package.is_some();
        match self.random.below(10) {
            0..3 => (
                form_request(force),
                201,
                Stored {
                    package: digest,
                    provenance,
                },
            ),
            3..6 if exists => {
                let path = format!("/api/charts/{}/{version}", self.name);
                (http.request("DELETE", &path), 200, Stored::default())
            }
            6 if exists => (
                http.request("POST", "/api/charts").body(package),
                409,
                before.clone(),
            ),
            7 if exists => (form_request(""), 409, before.clone()),
            _ => {
                let request = http
                    .request("POST", &format!("/api/charts{force}"))
                    .body(package);
                (
                    request,
                    201,
                    Stored {
                        package: digest,
                        ..before.clone()
                    },
                )
            }
        }
    }

    /// A package with bytes that no other has; some of several hundred kilobytes, which are written for a while.
    fn package(&mut self, name: &str, version: &str) -> Vec<u8> {
        self.serial += 1;
        let mut chart = ChartBuilder::new(name, version)
            .file("serial.txt", format!("{} {}", self.name, self.serial));
        if self.random.below(8) == 0 {
            let size = 64 * 1024 + self.random.below(512 * 1024) as usize;
            let noise: Vec<u8> = std::iter::repeat_with(|| self.random.next().to_le_bytes())
                .flatten()
                .take(size)
                .collect();
            chart = chart.file("files/noise", noise);
        }
        chart.package()
    }

    fn file_names(&self) -> Vec<String> {
        let packages = self
            .versions
            .keys()
            .map(|version| format!("{}-{version}.tgz", self.name));
        packages
            .flat_map(|package| [format!("{package}.prov"), package])
            .collect()
    }

    /// Compares what is stored with what was acknowledged, and takes it for known from now on.
    async fn settle(&mut self, contents: &Contents, http: &Http) {
        for (version, known) in &mut self.versions {
            let file_name = format!("{}-{version}.tgz", self.name);
            let stored = Stored {
                package: contents.packages.get(&file_name).cloned(),
                provenance: contents
                    .provenances
                    .get(&format!("{file_name}.prov"))
                    .cloned(),
            };
            let open = self
                .open
                .as_ref()
                .filter(|(open, _)| open == version)
                .map(|(_, after)| after);
            match open {
                None => assert_eq!(
                    stored, *known,
                    "{file_name}: every request for it was answered"
                ),
                Some(after) => assert_is_old_or_new(&file_name, known, after, &stored),
            }
            if self.touched.contains(version) {
                let response = http.get(&format!("/charts/{file_name}")).await;
                let downloaded = (response.status == 200).then(|| sha256_hex(&response.body));
                assert_eq!(
                    downloaded, stored.package,
                    "{file_name} as it is downloaded"
                );
            }
            *known = stored;
        }
    }
}

/// A request that was not answered has been carried out or it has not: a package and its provenance file are of one
/// generation, and go together.
fn assert_is_old_or_new(file_name: &str, before: &Stored, after: &Stored, stored: &Stored) {
    assert!(
        [before, after].contains(&stored),
        "{file_name}: {stored:?} is stored, which is neither the old state {before:?} nor the new one {after:?}"
    );
}
