//! What every store must do, asked of each kind of store: in memory, in a directory, and where nothing can be linked.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod dying;
mod layered;
mod local;
mod racing;
mod without_links;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use chartroom::repository::key::{ObjectKey, Tenant};
use chartroom::repository::store::{ChartStore, Content, StoreError, WriteMode};
use futures_util::TryStreamExt as _;
use object_store::memory::InMemory;
use tempfile::TempDir;

/// Runs each function of the list over each kind of store.
macro_rules! conformance {
    ($($fact:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $fact() {
                super::$fact(super::in_memory()).await;
            })*
        }
        mod in_a_directory {
            $(#[tokio::test]
            async fn $fact() {
                let (store, _directory) = super::in_a_directory();
                super::$fact(store).await;
            })*
        }
        mod in_a_directory_without_links {
            $(#[tokio::test]
            async fn $fact() {
                let (store, _directory) = super::without_links::store();
                super::$fact(store).await;
            })*
        }
    };
}

conformance![
    what_is_put_can_be_got,
    what_is_missing_is_none_and_no_error,
    creating_what_exists_is_a_conflict_and_changes_nothing,
    overwriting_replaces_and_tells_the_new_stamp,
    deleting_says_whether_there_was_something,
    stamps_are_the_same_however_they_are_asked_for,
    large_objects_come_in_pieces,
    odd_names_stay_as_they_are,
    a_listing_is_of_one_tenant_and_one_level,
    tenants_are_found_down_to_a_depth,
    a_listing_of_nothing_is_empty,
    sweeping_keeps_what_is_whole,
];

fn in_memory() -> ChartStore {
    ChartStore::over(Arc::new(InMemory::new()))
}

fn in_a_directory() -> (ChartStore, TempDir) {
    let directory = TempDir::new().expect("a temporary directory");
    (
        ChartStore::local(&directory.path().join("charts")).expect("a store"),
        directory,
    )
}

fn tenant(text: &str) -> Tenant {
    Tenant::parse(text).expect("a tenant")
}

fn key(tenant_text: &str, file_name: &str) -> ObjectKey {
    ObjectKey::new(&tenant(tenant_text), file_name).expect("a plain file name")
}

async fn put(store: &ChartStore, key: &ObjectKey, bytes: &'static [u8]) {
    store
        .put(key, Bytes::from_static(bytes).into(), WriteMode::Create)
        .await
        .expect("a new object");
}

async fn got(store: &ChartStore, key: &ObjectKey) -> Option<Bytes> {
    store
        .get(key)
        .await
        .expect("a store that works")
        .map(|(_, bytes)| bytes)
}

/// Names in a tenant's listing, sorted.
async fn names(store: &ChartStore, tenant_text: &str) -> Vec<String> {
    let objects = store
        .list(&tenant(tenant_text))
        .await
        .expect("a store that works");
    let mut names: Vec<String> = objects.into_iter().map(|object| object.file_name).collect();
    names.sort_unstable();
    names
}

async fn what_is_put_can_be_got(store: ChartStore) {
    for (key, bytes) in [
        (key("", "a-1.tgz"), &b"root"[..]),
        (key("org/team", "a-1.tgz"), b"team"),
        (key("org", "a-1.tgz.prov"), b""),
    ] {
        put(&store, &key, bytes).await;
        assert_eq!(got(&store, &key).await.as_deref(), Some(bytes), "{key}");
        let (blocking, again) = (store.clone(), key.clone());
        let read = tokio::task::spawn_blocking(move || blocking.get_blocking(&again))
            .await
            .unwrap();
        assert_eq!(
            read.unwrap().map(|(_, bytes)| bytes).as_deref(),
            Some(bytes),
            "{key}, blocking"
        );
    }
    assert_eq!(
        got(&store, &key("", "a-1.tgz")).await.as_deref(),
        Some(&b"root"[..]),
        "the tenants' own"
    );
}

async fn what_is_missing_is_none_and_no_error(store: ChartStore) {
    put(&store, &key("org", "notes"), b"b").await;
    let long = "n".repeat(300);
    // the last two are a directory where a file is asked for, and a file where a directory is
    for key in [
        key("", "a-1.tgz"),
        key("nobody", "a-1.tgz"),
        key("", &long),
        key(&long, "a-1.tgz"),
        key("", "org"),
        key("org/notes", "a-1.tgz"),
    ] {
        assert_eq!(got(&store, &key).await, None, "{key}");
        assert!(store.open(&key).await.unwrap().is_none(), "{key}");
        assert_eq!(store.stamp(&key).await.unwrap(), None, "{key}");
        let (blocking, again) = (store.clone(), key.clone());
        let read = tokio::task::spawn_blocking(move || blocking.get_blocking(&again))
            .await
            .unwrap();
        assert!(read.unwrap().is_none(), "{key}, blocking");
    }
}

async fn creating_what_exists_is_a_conflict_and_changes_nothing(store: ChartStore) {
    let key = key("org", "a-1.tgz");
    put(&store, &key, b"first").await;
    let stamp = store.stamp(&key).await.unwrap();
    let second = store
        .put(
            &key,
            Bytes::from_static(b"second").into(),
            WriteMode::Create,
        )
        .await;
    assert!(
        matches!(&second, Err(StoreError::AlreadyExists(named)) if *named == key),
        "{second:?}"
    );
    assert_eq!(got(&store, &key).await.as_deref(), Some(&b"first"[..]));
    assert_eq!(store.stamp(&key).await.unwrap(), stamp);
    assert_eq!(
        names(&store, "org").await,
        ["a-1.tgz"],
        "nothing else is left behind"
    );
}

async fn overwriting_replaces_and_tells_the_new_stamp(store: ChartStore) {
    let key = key("", "a-1.tgz");
    for bytes in [&b"one"[..], b"three", b""] {
        let stamp = store
            .put(&key, Bytes::from_static(bytes).into(), WriteMode::Overwrite)
            .await
            .unwrap();
        assert_eq!(stamp.size, bytes.len() as u64);
        assert_eq!(store.stamp(&key).await.unwrap(), Some(stamp));
        assert_eq!(got(&store, &key).await.as_deref(), Some(bytes));
    }
    assert_eq!(names(&store, "").await, ["a-1.tgz"]);
}

async fn deleting_says_whether_there_was_something(store: ChartStore) {
    let (gone, stays) = (key("org", "a-1.tgz"), key("org", "a-1.tgz.prov"));
    put(&store, &gone, b"a").await;
    put(&store, &stays, b"b").await;
    assert!(store.delete(&gone).await.unwrap());
    assert_eq!(got(&store, &gone).await, None);
    assert_eq!(names(&store, "org").await, ["a-1.tgz.prov"]);
    put(&store, &gone, b"again").await;
    assert_eq!(got(&store, &gone).await.as_deref(), Some(&b"again"[..]));
}

async fn stamps_are_the_same_however_they_are_asked_for(store: ChartStore) {
    let key = key("org", "a-1.tgz");
    let put = store
        .put(&key, Bytes::from_static(b"bytes").into(), WriteMode::Create)
        .await
        .unwrap();
    let (blocking, again) = (store.clone(), key.clone());
    let read = tokio::task::spawn_blocking(move || blocking.get_blocking(&again))
        .await
        .unwrap();
    assert_eq!(store.stamp(&key).await.unwrap(), Some(put));
    assert_eq!(
        store.get(&key).await.unwrap().map(|(stamp, _)| stamp),
        Some(put)
    );
    assert_eq!(
        store.open(&key).await.unwrap().map(|body| body.stamp),
        Some(put)
    );
    assert_eq!(read.unwrap().map(|(stamp, _)| stamp), Some(put));
    assert_eq!(store.list(&tenant("org")).await.unwrap()[0].stamp, put);
}

async fn large_objects_come_in_pieces(store: ChartStore) {
    // one byte below, at and above what is handed out whole, and much more
    for size in [
        1024 * 1024 - 1,
        1024 * 1024,
        1024 * 1024 + 1,
        5 * 1024 * 1024 + 7,
    ] {
        let key = key("", &format!("a-{size}.tgz"));
        let bytes: Bytes = (0..size)
            .map(|n| (n % 251) as u8)
            .collect::<Vec<u8>>()
            .into();
        // put in pieces, too
        let pieces = [
            bytes.slice(..1000),
            bytes.slice(1000..1000),
            bytes.slice(1000..),
        ];
        store
            .put(&key, pieces.into_iter().collect(), WriteMode::Create)
            .await
            .unwrap();
        let body = store.open(&key).await.unwrap().expect("it was put");
        assert_eq!(body.stamp.size, size as u64);
        let read = match body.content {
            Content::Shared(bytes) | Content::Whole(bytes) => bytes.to_vec(),
            Content::File(file) => whole(file),
            Content::Stream(stream) => stream.try_collect::<Vec<Bytes>>().await.unwrap().concat(),
        };
        assert!(read == bytes, "{size} bytes as they were");
    }
}

fn whole(mut file: std::fs::File) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut bytes).expect("a file that can be read");
    bytes
}

async fn odd_names_stay_as_they_are(store: ChartStore) {
    let odd = [
        "a b-1.tgz",
        "a+b-1.0.0+build.tgz",
        "%2e%2e%2f-1.tgz",
        "a%20b-1.tgz",
        "ünï 🚢-1.tgz",
        "a#1-1.tgz",
        "#1.tgz",
        "a?*[x]~{}|<>\"'`^-1.tgz",
        ".hidden-1.tgz",
        "-rf.tgz",
        "..a.tgz",
        "a..tgz",
        "a&b=c;d-1.tgz",
    ];
    for tenant_text in ["", "org x/ünï%41 #1"] {
        for name in odd {
            let key = key(tenant_text, name);
            let stamp = store
                .put(&key, Bytes::from(name).into(), WriteMode::Create)
                .await
                .unwrap();
            assert_eq!(
                got(&store, &key).await.as_deref(),
                Some(name.as_bytes()),
                "{key}"
            );
            assert_eq!(store.stamp(&key).await.unwrap(), Some(stamp), "{key}");
        }
        let listed: BTreeSet<String> = names(&store, tenant_text).await.into_iter().collect();
        assert_eq!(
            listed,
            odd.iter().map(|name| (*name).to_owned()).collect(),
            "in {tenant_text:?}"
        );
    }
    let tenants = store.list_tenants(&Tenant::root(), 2).await.unwrap();
    assert!(tenants.contains(&tenant("org x/ünï%41 #1")), "{tenants:?}");
    for name in odd {
        assert!(store.delete(&key("", name)).await.unwrap(), "{name}");
    }
    assert_eq!(names(&store, "").await, [""; 0]);
}

async fn a_listing_is_of_one_tenant_and_one_level(store: ChartStore) {
    // docs/chartmuseum.md 15.16: a bare prefix would make `my` list `mychart-1.0.tgz`
    for (tenant_text, name) in [
        ("", "mychart-1.0.tgz"),
        ("", "my.tgz"),
        ("my", "a-1.tgz"),
        ("my", "a-1.tgz.prov"),
        ("my/team", "b-1.tgz"),
        ("myother", "c-1.tgz"),
    ] {
        put(&store, &key(tenant_text, name), b"x").await;
    }
    assert_eq!(names(&store, "").await, ["my.tgz", "mychart-1.0.tgz"]);
    assert_eq!(names(&store, "my").await, ["a-1.tgz", "a-1.tgz.prov"]);
    assert_eq!(names(&store, "my/team").await, ["b-1.tgz"]);
    assert_eq!(names(&store, "myother").await, ["c-1.tgz"]);
}

async fn tenants_are_found_down_to_a_depth(store: ChartStore) {
    for tenant_text in ["", "a/b/c", "a/d", "e"] {
        put(&store, &key(tenant_text, "x-1.tgz"), b"x").await;
    }
    for (depth, expected) in [
        (0, &[""][..]),
        (1, &["", "a", "e"]),
        (2, &["", "a", "a/b", "a/d", "e"]),
        (8, &["", "a", "a/b", "a/b/c", "a/d", "e"]),
    ] {
        let mut found = store.list_tenants(&Tenant::root(), depth).await.unwrap();
        found.sort_unstable();
        let found: Vec<&str> = found.iter().map(Tenant::as_str).collect();
        assert_eq!(found, expected, "{depth} levels deep");
    }
}

async fn a_listing_of_nothing_is_empty(store: ChartStore) {
    assert_eq!(names(&store, "").await, [""; 0]);
    assert_eq!(names(&store, "nobody/there").await, [""; 0]);
    assert_eq!(
        store.list_tenants(&Tenant::root(), 3).await.unwrap(),
        [Tenant::root()]
    );
}

async fn sweeping_keeps_what_is_whole(store: ChartStore) {
    put(&store, &key("", "a-1.tgz"), b"a").await;
    put(&store, &key("org", "a-1.tgz.prov"), b"b").await;
    assert_eq!(store.sweep(None).await.unwrap(), 0);
    assert_eq!(names(&store, "").await, ["a-1.tgz"]);
    assert_eq!(names(&store, "org").await, ["a-1.tgz.prov"]);
}
