//! A writer that another one overtakes: what the other has stored must never be listed with our digest.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chartroom::repository::entry::Stamp;
use chartroom::repository::key::Tenant;
use chartroom::repository::store::{ChartStore, WriteMode};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tempfile::TempDir;

use super::key;
use super::layered::{listed, repository, upload};
use crate::support::chart_builder::{ChartBuilder, sha256_hex};

/// Stores what it is given, and before it says so, somebody else stores this in its place.
#[derive(Debug)]
struct Overtaken<S> {
    below: S,
    by: Bytes,
}

impl<S: ObjectStore> fmt::Display for Overtaken<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, overtaken", self.below)
    }
}

type Future<'a, T> = BoxFuture<'a, Result<T>>;

impl<S: ObjectStore> ObjectStore for Overtaken<S> {
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
        Box::pin(async move {
            let written = self.below.put_opts(to, payload, options).await?;
            self.below.put(to, self.by.clone().into()).await?;
            Ok(written)
        })
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
        self.below.delete_stream(paths)
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
async fn what_was_replaced_at_once_has_no_stamp_and_is_listed_as_it_is() {
    let directory = TempDir::new().expect("a temporary directory");
    let in_a_directory = LocalFileSystem::new_with_prefix(directory.path()).expect("a store");
    let theirs = ChartBuilder::new("app", "1.0.0")
        .more_yaml("icon: theirs")
        .package();
    let by = Bytes::from(theirs.clone());
    let stores: [Arc<dyn ObjectStore>; 2] = [
        Arc::new(Overtaken {
            below: InMemory::new(),
            by: by.clone(),
        }),
        Arc::new(Overtaken {
            below: in_a_directory,
            by,
        }),
    ];
    for store in stores {
        let store = ChartStore::over(store);
        let ours = ChartBuilder::new("app", "1.0.0")
            .more_yaml("icon: ours")
            .package();
        let key = key("", "other-1.0.0.tgz");
        let stamp = store
            .put(&key, ours.clone().into(), WriteMode::Create)
            .await
            .unwrap();
        assert_eq!(stamp, Stamp::UNKNOWN);

        let no_built_ins = TempDir::new().expect("a temporary directory");
        let repository = repository(store, no_built_ins.path());
        upload(&repository, &Tenant::root(), ours).await.unwrap();
        let listed = listed(&repository, &Tenant::root()).await;
        let of_app = listed.iter().find(|(name, _)| name == "app-1.0.0.tgz");
        assert_eq!(of_app.map(|(_, digest)| digest), Some(&sha256_hex(&theirs)));
    }
}

/// The same length, the same time, other bytes: only the inode, or the time of the inode, tells.
#[tokio::test]
async fn a_replacement_of_equal_size_and_time_is_seen() {
    use std::fs;
    let (store, _directory) = super::in_a_directory();
    let root = store.local_root().unwrap().to_owned();
    let package = |n: u8| ChartBuilder::new("app", "1.0.0").file("n", [n]).package();
    let first = package(b'a');
    let second = (1..=u8::MAX)
        .map(package)
        .find(|it| it.len() == first.len() && *it != first);
    let second = second.expect("one of them compresses to the same size");
    let no_built_ins = TempDir::new().expect("a temporary directory");
    let repository = repository(store, no_built_ins.path());
    for (what, in_place) in [("moved in", false), ("written over", true)] {
        upload(&repository, &Tenant::root(), first.clone())
            .await
            .unwrap();
        let path = root.join("app-1.0.0.tgz");
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let to = if in_place {
            path.clone()
        } else {
            root.join("new")
        };
        fs::write(&to, &second).unwrap();
        fs::File::options()
            .append(true)
            .open(&to)
            .unwrap()
            .set_modified(modified)
            .unwrap();
        fs::rename(&to, &path).unwrap();
        repository.rescan(&Tenant::root()).await.unwrap();
        let expected = [("app-1.0.0.tgz".to_owned(), sha256_hex(&second))];
        assert_eq!(
            listed(&repository, &Tenant::root()).await,
            expected,
            "{what}"
        );
    }
}
