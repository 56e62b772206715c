//! The cache: one download for many, nothing believed unseen, and what must stay stays.

use std::collections::HashSet;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::*;
use crate::support::liar::{Answer, Liar};
use crate::support::server::TestServer;

const PACKAGE: &str = "/charts/demo-1.0.0.tgz";

/// A server with `demo` 1.0.0.
async fn honest(package: &[u8]) -> Liar {
    let (listing, package) = (listing(Sha256Hex::of(package)), package.to_vec());
    Liar::start(move |head| match head {
        _ if head.starts_with("GET /api/charts/demo ") => Answer::ok(&listing),
        _ if head.starts_with(&format!("GET {PACKAGE} ")) => Answer::ok(&package),
        _ => Answer::not_found(),
    })
    .await
}

/// Charts over the cache of another `Room`, as after a restart.
fn restarted(room: Room, repository: &str) -> Room {
    let Room { charts, world } = room;
    drop(charts);
    let charts = Charts::new(settings(repository, world.path())).expect("a usable cache");
    Room { charts, world }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_want_one_package_cause_one_download() {
    let package = demo("1.0.0").package();
    let server = honest(&package).await;
    let room = Room::new(&server.url());
    let version = room.versions().await.expect("a version").remove(0);
    let fetches = (0..40).map(|_| room.charts.fetch(None, &version, None));
    let charts: Vec<_> = join_all(fetches).await;
    let first = charts[0].as_ref().expect("a package");
    assert!(
        charts
            .iter()
            .all(|chart| chart.as_ref().is_ok_and(|chart| Arc::ptr_eq(chart, first)))
    );
    assert_eq!(server.requests(PACKAGE).len(), 1);
    assert_eq!(room.files(), [format!("{}.tgz", first.digest)]);

    let room = restarted(room, &server.url());
    assert_eq!(room.newest().await.expect("a package").digest, first.digest);
    assert_eq!(server.requests(PACKAGE).len(), 1, "the file was enough");
}

#[tokio::test]
async fn who_waits_for_a_download_takes_over_when_it_is_given_up() {
    let package = demo("1.0.0").package();
    let (listing, tries) = (listing(Sha256Hex::of(&package)), AtomicUsize::new(0));
    let server = Liar::start(move |head| match head {
        _ if head.starts_with("GET /api/charts/demo ") => Answer::ok(&listing),
        _ if tries.fetch_add(1, Ordering::Relaxed) == 0 => Answer::Silence(Vec::new()),
        _ => Answer::ok(&package),
    })
    .await;
    let room = Room::new(&server.url());
    let version = room.versions().await.expect("a version").remove(0);
    let mut given_up = Box::pin(room.charts.fetch(None, &version, None));
    while server.requests(PACKAGE).is_empty() {
        tokio::select! {
            _ = &mut given_up => panic!("nothing was sent"),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
    }
    let waiting = room.charts.fetch(None, &version, None);
    let mut waiting = Box::pin(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    drop(given_up);
    waiting.await.expect("a package");
    assert_eq!(server.requests(PACKAGE).len(), 2);
}

#[tokio::test]
async fn a_damaged_or_unfinished_file_is_never_used() {
    let package = demo("1.0.0").package();
    let server = honest(&package).await;
    let room = Room::new(&server.url());
    let chart = room.newest().await.expect("a package");
    let (path, digest) = (chart.path.clone(), chart.digest);
    drop(chart);

    let mut damaged = package.clone();
    damaged[100] ^= 1;
    let cut = &package[..package.len() - 10];
    for (bytes, how) in [(&damaged[..], "damaged"), (cut, "cut"), (b"", "empty")] {
        // behind the back of a running process, and of one that starts
        fs::write(&path, bytes).expect("a writable cache");
        let downloads = server.requests(PACKAGE).len();
        room.newest().await.expect("a package");
        assert_eq!(fs::read(&path).expect("a file"), package, "{how}");
        assert_eq!(server.requests(PACKAGE).len(), downloads + 1, "{how}");
    }
    fs::remove_file(&path).expect("a writable cache");
    room.newest().await.expect("a package");
    fs::write(path.with_file_name("0123.part"), "half").expect("a writable cache");
    fs::write(path.with_file_name("README"), "not ours").expect("a writable cache");
    fs::write(&path, damaged).expect("a writable cache");
    let room = restarted(room, &server.url());
    let sound = ["README".to_owned(), format!("{digest}.tgz")];
    assert_eq!(room.files(), sound);
    assert!(room.charts.cached(digest).await.is_none());
    assert_eq!(room.files(), ["README"]);
    room.newest().await.expect("a package");
    assert_eq!(fs::read(&path).expect("a file"), package);
}

#[tokio::test]
async fn the_least_recently_used_goes_but_never_what_is_kept_or_held() {
    let server = TestServer::start(&[]);
    let http = server.http();
    // half a megabyte each that does not compress
    let mut state = 1_u32;
    let mut noise = || -> Vec<u8> {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..500_000).map(|_| next()).collect()
    };
    for minor in 0..6 {
        let package = demo(&format!("1.{minor}.0"))
            .file("noise", noise())
            .package();
        http.post("/api/charts", package).await.expect(201);
    }
    let room = Room::with(&server.url(), |settings| settings.cache_size = 1_200_000);
    let mut versions = room.versions().await.expect("versions");
    versions.reverse();
    let fetch = async |minor: usize| {
        let chart = room.charts.fetch(None, &versions[minor], None).await;
        chart.expect("a package")
    };
    let digest = |minor: usize| versions[minor].digest.expect("the server tells digests");
    let there = || -> Vec<usize> {
        let files = room.files();
        let is_there = |minor: &usize| files.contains(&format!("{}.tgz", digest(*minor)));
        (0..6).filter(is_there).collect()
    };
    for minor in 0..3 {
        drop(fetch(minor).await);
    }
    assert_eq!(
        there(),
        [0, 1, 2],
        "before it is known what is needed nothing goes"
    );
    room.charts.keep(HashSet::from([digest(0)]));
    let held = fetch(3).await;
    assert_eq!(there(), [0, 3], "0 is kept, 3 has just come");
    drop(fetch(4).await);
    assert_eq!(
        there(),
        [0, 3, 4],
        "3 is held: the cache is too full, and that is less bad"
    );
    room.charts.keep(HashSet::from([digest(4)]));
    drop(fetch(5).await);
    assert_eq!(there(), [3, 4, 5], "0 is not kept any more");
    assert!(held.path.exists());
    drop(held);
    drop(fetch(0).await);
    assert_eq!(there(), [0, 4], "3 is not held any more, 5 is older than 0");
    drop(fetch(4).await);
    room.charts.keep(HashSet::new());
    drop(fetch(1).await);
    assert_eq!(there(), [1, 4], "0 was used before 4 was");
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_said_to_be_so() {
    let world = TempDir::new().expect("a temporary directory");
    let file = world.path().join("file");
    fs::write(&file, "").expect("a writable directory");
    let mut impossible = settings("http://127.0.0.1:1", world.path());
    impossible.cache_dir = file.join("cache");
    let error = Charts::new(impossible).err().expect("no directory");
    let (reason, class, message) = told(&error);
    assert_eq!(
        (reason, class),
        ("RepositoryUnavailable", ErrorClass::Transient)
    );
    assert!(
        message.contains("make room there, or make it writable: Not a directory"),
        "{message}"
    );

    // it was there at the start, and somebody has removed it
    let server = honest(&demo("1.0.0").package()).await;
    let room = Room::new(&server.url());
    fs::remove_dir_all(room.world.path().join("cache")).expect("a writable directory");
    room.newest().await.expect("a package");
    assert_eq!(room.files().len(), 1);
}
