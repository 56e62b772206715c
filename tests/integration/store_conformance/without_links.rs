//! A directory on a file system without hard links, such as FAT: creating atomically is refused.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use chartroom::repository::store::{ChartStore, StoreError, WriteMode};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tempfile::TempDir;

use super::{got, key, names};

pub fn store() -> (ChartStore, TempDir) {
    with_refusal(io::ErrorKind::Unsupported)
}

fn with_refusal(refusal: io::ErrorKind) -> (ChartStore, TempDir) {
    let directory = TempDir::new().expect("a temporary directory");
    let below = LocalFileSystem::new_with_prefix(directory.path()).expect("a store");
    (
        ChartStore::over(Arc::new(WithoutLinks { below, refusal })),
        directory,
    )
}

#[derive(Debug)]
struct WithoutLinks {
    below: LocalFileSystem,
    refusal: io::ErrorKind,
}

impl fmt::Display for WithoutLinks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} without links", self.below)
    }
}

type Future<'a, T> = BoxFuture<'a, Result<T>>;

impl ObjectStore for WithoutLinks {
    fn put_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Future<'c, PutResult>
    where
        'a: 'c,
        'b: 'c,
    {
        if options.mode == PutMode::Create {
            let refusal = Error::Generic {
                store: "without links",
                source: io::Error::from(self.refusal).into(),
            };
            return Box::pin(std::future::ready(Err(refusal)));
        }
        self.below.put_opts(location, payload, options)
    }

    fn put_multipart_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        options: PutMultipartOptions,
    ) -> Future<'c, Box<dyn MultipartUpload>>
    where
        'a: 'c,
        'b: 'c,
    {
        self.below.put_multipart_opts(location, options)
    }

    fn get_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        options: GetOptions,
    ) -> Future<'c, GetResult>
    where
        'a: 'c,
        'b: 'c,
    {
        self.below.get_opts(location, options)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.below.delete_stream(locations)
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
        self.below.copy_opts(from, to, options)
    }
}

#[tokio::test]
async fn creating_works_without_links_however_they_are_refused() {
    // ENOTSUP, EPERM of vfat
    for refusal in [io::ErrorKind::Unsupported, io::ErrorKind::PermissionDenied] {
        let (store, _directory) = with_refusal(refusal);
        let key = key("org", "a-1.tgz");
        store
            .put(&key, Bytes::from_static(b"first").into(), WriteMode::Create)
            .await
            .unwrap();
        let second = store
            .put(
                &key,
                Bytes::from_static(b"second").into(),
                WriteMode::Create,
            )
            .await;
        assert!(
            matches!(second, Err(StoreError::AlreadyExists(_))),
            "{second:?}"
        );
        assert_eq!(got(&store, &key).await.as_deref(), Some(&b"first"[..]));
        assert_eq!(names(&store, "org").await, ["a-1.tgz"]);
    }
}

#[tokio::test]
async fn other_failures_of_creating_are_told() {
    let (store, _directory) = with_refusal(io::ErrorKind::ReadOnlyFilesystem);
    let outcome = store
        .put(
            &key("", "a-1.tgz"),
            Bytes::from_static(b"x").into(),
            WriteMode::Create,
        )
        .await;
    assert!(
        matches!(outcome, Err(StoreError::Failed { .. })),
        "{outcome:?}"
    );
    let (store, _directory) = with_refusal(io::ErrorKind::StorageFull);
    let outcome = store
        .put(
            &key("", "a-1.tgz"),
            Bytes::from_static(b"x").into(),
            WriteMode::Create,
        )
        .await;
    assert!(
        matches!(outcome, Err(StoreError::StorageFull(_))),
        "{outcome:?}"
    );
}
