//! A store whose process dies at any of its writes: a package and its provenance file must be old together or new
//! together once a start has finished what it finds.

use std::fmt;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use chartroom::repository::commit::Write;
use chartroom::repository::store::{ChartStore, WriteMode};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use tempfile::TempDir;

use super::{got, key, names};

/// A directory that takes so many changes, and then nothing any more.
#[derive(Debug)]
struct Dying {
    below: LocalFileSystem,
    left: AtomicUsize,
}

impl Dying {
    fn change(&self) -> Result<()> {
        let spent = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        spent.map(drop).map_err(|_| Error::Generic {
            store: "dying",
            source: "the process is dead".into(),
        })
    }
}

impl fmt::Display for Dying {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} until it dies", self.below)
    }
}

type Future<'a, T> = BoxFuture<'a, Result<T>>;

impl ObjectStore for Dying {
    fn put_opts<'a, 'b, 'c>(
        &'a self,
        to: &'b Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Future<'c, PutResult>
    where
        'a: 'c,
        'b: 'c,
    {
        match self.change() {
            Ok(()) => self.below.put_opts(to, payload, options),
            Err(dead) => Box::pin(std::future::ready(Err(dead))),
        }
    }

    fn put_multipart_opts<'a, 'b, 'c>(
        &'a self,
        to: &'b Path,
        options: PutMultipartOptions,
    ) -> Future<'c, Box<dyn MultipartUpload>>
    where
        'a: 'c,
        'b: 'c,
    {
        self.below.put_multipart_opts(to, options)
    }

    fn get_opts<'a, 'b, 'c>(&'a self, from: &'b Path, options: GetOptions) -> Future<'c, GetResult>
    where
        'a: 'c,
        'b: 'c,
    {
        self.below.get_opts(from, options)
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        match self.change() {
            Ok(()) => self.below.delete_stream(paths),
            Err(dead) => futures_util::stream::iter([Err(dead)]).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.below.list(prefix)
    }

    fn list_with_delimiter<'a, 'b, 'c>(&'a self, prefix: Option<&'b Path>) -> Future<'c, ListResult>
    where
        'a: 'c,
        'b: 'c,
    {
        self.below.list_with_delimiter(prefix)
    }

    fn copy_opts<'a, 'b, 'd, 'c>(
        &'a self,
        from: &'b Path,
        to: &'d Path,
        options: CopyOptions,
    ) -> Future<'c, ()>
    where
        'a: 'c,
        'b: 'c,
        'd: 'c,
    {
        match self.change() {
            Ok(()) => self.below.copy_opts(from, to, options),
            Err(dead) => Box::pin(std::future::ready(Err(dead))),
        }
    }

    fn rename_opts<'a, 'b, 'd, 'c>(
        &'a self,
        from: &'b Path,
        to: &'d Path,
        options: RenameOptions,
    ) -> Future<'c, ()>
    where
        'a: 'c,
        'b: 'c,
        'd: 'c,
    {
        match self.change() {
            Ok(()) => self.below.rename_opts(from, to, options),
            Err(dead) => Box::pin(std::future::ready(Err(dead))),
        }
    }
}

/// More changes than any commit makes.
const ENOUGH: usize = 20;

fn dying(directory: &FilePath, changes: usize) -> ChartStore {
    let below = LocalFileSystem::new_with_prefix(directory).expect("a store");
    let left = AtomicUsize::new(changes);
    ChartStore::over(Arc::new(Dying { below, left }))
}

/// What a start makes of the directory: the two files, and nothing else in it.
async fn after_a_start(directory: &FilePath) -> [Option<Bytes>; 2] {
    let store = ChartStore::local(directory).expect("a store");
    store.finish_commits(None).await.expect("it can be read");
    store.sweep(None).await.expect("it can be read");
    let left = names(&store, "org").await;
    assert!(
        left.iter().all(|name| name.starts_with("a-1.tgz")),
        "{left:?}"
    );
    assert_eq!(names(&store, "").await, [""; 0], "no record is left");
    let package = key("org", "a-1.tgz");
    [
        got(&store, &package).await,
        got(&store, &package.provenance()).await,
    ]
}

fn pair(generation: &'static str) -> [Option<Bytes>; 2] {
    [Some(generation.into()), Some(generation.into())]
}

async fn put_pair(store: &ChartStore, generation: &'static str, mode: WriteMode) -> bool {
    let package = key("org", "a-1.tgz");
    let provenance = package.provenance();
    let write = |key, mode| Write {
        key,
        bytes: generation.into(),
        mode,
    };
    let written = store
        .put_together(
            write(&package, mode),
            write(&provenance, WriteMode::Overwrite),
        )
        .await;
    written.is_ok()
}

#[tokio::test]
async fn a_pair_is_old_or_new_wherever_its_upload_ends() {
    for replaces in [false, true] {
        let mut seen = Vec::new();
        for changes in 0..ENOUGH {
            let directory = TempDir::new().expect("a temporary directory");
            let old = if replaces {
                let whole = dying(directory.path(), ENOUGH);
                assert!(put_pair(&whole, "old", WriteMode::Create).await);
                pair("old")
            } else {
                [None, None]
            };
            let mode = if replaces {
                WriteMode::Overwrite
            } else {
                WriteMode::Create
            };
            let written = put_pair(&dying(directory.path(), changes), "new", mode).await;
            let found = after_a_start(directory.path()).await;
            assert!(
                found == old || found == pair("new"),
                "after {changes} changes: {found:?}"
            );
            assert!(
                !written || found == pair("new"),
                "after {changes} changes: {found:?}"
            );
            seen.push(found == old);
        }
        assert!(seen[0] && !seen[ENOUGH - 1], "{seen:?}");
        assert!(
            seen.is_sorted_by(|before, after| before >= after),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn a_pair_goes_together_wherever_its_deletion_ends() {
    let mut seen = Vec::new();
    for changes in 0..ENOUGH {
        let directory = TempDir::new().expect("a temporary directory");
        assert!(put_pair(&dying(directory.path(), ENOUGH), "old", WriteMode::Create).await);
        let deleting = dying(directory.path(), changes);
        let deleted = deleting.delete_together(&key("org", "a-1.tgz")).await;
        let found = after_a_start(directory.path()).await;
        assert!(
            found == pair("old") || found == [None, None],
            "after {changes} changes: {found:?}"
        );
        assert!(
            deleted.is_err() || found == [None, None],
            "after {changes} changes: {found:?}"
        );
        seen.push(found == pair("old"));
    }
    assert!(seen[0] && !seen[ENOUGH - 1], "{seen:?}");
}

/// A record that outlived its commit must not undo what came after it.
#[tokio::test]
async fn what_came_after_a_commit_is_not_undone_by_its_record() {
    let package = key("org", "a-1.tgz");
    for changes in 0..ENOUGH {
        let directory = TempDir::new().expect("a temporary directory");
        assert!(put_pair(&dying(directory.path(), ENOUGH), "old", WriteMode::Create).await);
        put_pair(
            &dying(directory.path(), changes),
            "new",
            WriteMode::Overwrite,
        )
        .await;
        // no start in between: the process lived on, and stored something else
        let later = ChartStore::local(directory.path()).expect("a store");
        let content = Bytes::from_static(b"later still").into();
        later
            .put(&package, content, WriteMode::Overwrite)
            .await
            .expect("it is stored");
        let [found, _] = after_a_start(directory.path()).await;
        assert_eq!(
            found.as_deref(),
            Some(&b"later still"[..]),
            "after {changes} changes"
        );
    }
}
