//! What only a directory has: links, names that are no text, leftovers, other people's files.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use bytes::Bytes;
use chartroom::repository::store::{StoreError, WriteMode};

use super::{got, in_a_directory, key, names, put};

#[tokio::test]
async fn links_to_files_are_listed_and_read() {
    let (store, directory) = in_a_directory();
    let root = store.local_root().unwrap().to_owned();
    let elsewhere = directory.path().join("elsewhere");
    fs::write(&elsewhere, "linked").unwrap();
    symlink(&elsewhere, root.join("a-1.tgz")).unwrap();
    symlink(directory.path().join("nowhere"), root.join("broken-1.tgz")).unwrap();
    symlink(directory.path(), root.join("directory-1.tgz")).unwrap();
    symlink(root.join("loop-1.tgz"), root.join("loop-1.tgz")).unwrap();
    assert_eq!(names(&store, "").await, ["a-1.tgz"]);
    assert_eq!(
        store.list(&super::tenant("")).await.unwrap()[0].stamp.size,
        6
    );
    assert_eq!(
        got(&store, &key("", "a-1.tgz")).await.as_deref(),
        Some(&b"linked"[..])
    );
    // what is overwritten is the link, not what it points at
    store
        .put(
            &key("", "a-1.tgz"),
            Bytes::from_static(b"new").into(),
            WriteMode::Overwrite,
        )
        .await
        .unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), b"linked");
    assert_eq!(
        got(&store, &key("", "a-1.tgz")).await.as_deref(),
        Some(&b"new"[..])
    );
}

#[tokio::test]
async fn names_that_no_object_can_have_do_not_hide_the_others() {
    let (store, _directory) = in_a_directory();
    let root = store.local_root().unwrap().to_owned();
    put(&store, &key("", "a-1.tgz"), b"a").await;
    for odd in [
        &b"\xff\xfe-1.tgz"[..],
        b"new\nline-1.tgz",
        b"bell\x07-1.tgz",
    ] {
        fs::write(root.join(OsStr::from_bytes(odd)), "x").unwrap();
    }
    fs::create_dir(root.join("directory")).unwrap();
    fs::create_dir(root.join("directory-1.tgz")).unwrap();
    fs::create_dir(root.join(OsStr::from_bytes(b"\xff\xfe"))).unwrap();
    fs::write(root.join("back\\slash-1.tgz"), "x").unwrap();
    let listed = names(&store, "").await;
    assert!(listed.contains(&"a-1.tgz".to_owned()), "{listed:?}");
    assert!(
        listed.iter().all(|name| !name.contains(char::is_control)),
        "{listed:?}"
    );
    let tenants = store
        .list_tenants(&chartroom::repository::key::Tenant::root(), 1)
        .await
        .unwrap();
    assert!(tenants.contains(&super::tenant("directory")), "{tenants:?}");
    assert_eq!(tenants.len(), 2, "{tenants:?}");
}

#[tokio::test]
async fn only_what_this_program_left_behind_is_swept() {
    let (store, _directory) = in_a_directory();
    let root = store.local_root().unwrap().to_owned();
    fs::create_dir_all(root.join("org/team")).unwrap();
    let ours = [
        "a-1.tgz#1",
        "a-1.tgz#42",
        "org/a-1.tgz.prov#7",
        "org/team/index-cache.yaml#1",
        ".chartroom-index#1",
    ];
    let theirs = [
        "notes#1",
        "a-1.tgz",
        "a-1.tgz#",
        "a-1.tgz#1.bak",
        "#1",
        "org/c#.tgz",
    ];
    for name in ours.iter().chain(&theirs) {
        fs::write(root.join(name), "half").unwrap();
    }
    fs::create_dir(root.join("b-1.tgz#2")).unwrap();
    let outside = tempfile::TempDir::new().unwrap();
    fs::write(outside.path().join("a-1.tgz#1"), "half").unwrap();
    symlink(outside.path(), root.join("link")).unwrap();
    assert_eq!(
        names(&store, "org").await,
        ["c#.tgz"],
        "what is temporary is not listed"
    );
    assert_eq!(store.sweep(None).await.unwrap(), ours.len());
    for name in ours {
        assert!(!root.join(name).exists(), "{name}");
    }
    for name in theirs {
        assert!(root.join(name).exists(), "{name}");
    }
    assert!(root.join("b-1.tgz#2").is_dir());
    assert!(
        outside.path().join("a-1.tgz#1").exists(),
        "behind a link is somebody else's"
    );
    assert_eq!(store.sweep(None).await.unwrap(), 0);
}

#[tokio::test]
async fn names_that_do_not_fit_are_refused_as_such() {
    let (store, _directory) = in_a_directory();
    put(&store, &key("", "notes"), b"x").await;
    fs::create_dir(store.local_root().unwrap().join("directory.tgz")).unwrap();
    let long = format!("{}.tgz", "n".repeat(300));
    // this one fits, but not together with the mark of a temporary file
    let nearly = format!("{}.tgz", "n".repeat(251));
    for (key, too_long) in [
        (key("", &long), true),
        (key("", &nearly), true),
        (key(&"t".repeat(300), "a-1.tgz"), true),
        // nothing is wrong with these names, but something of another kind is in their way
        (key("notes", "a-1.tgz"), false),
        (key("", "directory.tgz"), false),
    ] {
        for mode in [WriteMode::Create, WriteMode::Overwrite] {
            let outcome = store.put(&key, Bytes::from_static(b"x").into(), mode).await;
            assert!(
                match &outcome {
                    Err(StoreError::NameTooLong(_)) => too_long,
                    Err(StoreError::Failed { .. } | StoreError::Io { .. }) => !too_long,
                    _ => false,
                },
                "{key} {mode:?}: {outcome:?}"
            );
        }
        assert!(!store.delete(&key).await.unwrap(), "{key}");
    }
    assert_eq!(names(&store, "").await, ["notes"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_create_one_object_one_succeeds() {
    let (store, _directory) = in_a_directory();
    for round in 0..20 {
        let attempts: Vec<_> = (0..8u8)
            .map(|n| {
                let (store, key) = (store.clone(), key("org", &format!("a-{round}.tgz")));
                tokio::spawn(async move {
                    store
                        .put(&key, Bytes::from(vec![n; 10_000]).into(), WriteMode::Create)
                        .await
                        .is_ok()
                })
            })
            .collect();
        let mut winners = Vec::new();
        for (n, attempt) in (0u8..).zip(attempts) {
            if attempt.await.unwrap() {
                winners.push(n);
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        let stored = got(&store, &key("org", &format!("a-{round}.tgz"))).await;
        assert_eq!(stored, Some(vec![winners[0]; 10_000].into()));
    }
}
