//! Built-in charts over a store: what is built in is always there, whatever the store has and whoever asks.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use chartroom::chart::archive::Limits;
use chartroom::config::IndexFormat;
use chartroom::repository::entry::Layer;
use chartroom::repository::key::Tenant;
use chartroom::repository::store::{ChartStore, Content, WriteMode};
use chartroom::repository::upload::{Upload, UploadError};
use chartroom::repository::{ChartRepository, DeleteError, Settings};
use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::whole;
use super::{got, in_a_directory, in_memory, key};
use crate::support::chart_builder::{ChartBuilder, sha256_hex, unsigned_provenance};

/// Built in: `app` 1.0.0 with a provenance file.
fn builtin_charts() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    let package = ChartBuilder::new("app", "1.0.0")
        .file("README.md", "built in")
        .package();
    fs::write(
        directory.path().join("app-1.0.0.tgz.prov"),
        unsigned_provenance("app", "1.0.0", &package),
    )
    .unwrap();
    fs::write(directory.path().join("app-1.0.0.tgz"), package).unwrap();
    directory
}

pub fn repository(store: ChartStore, builtin: &Path) -> ChartRepository {
    let settings = Settings {
        format: IndexFormat::Json,
        chart_url: String::new(),
        context_path: String::new(),
        builtin_charts: Some(builtin.to_owned()),
        limits: Limits::default(),
        entry_limit: None,
        index_limit: None,
        peek_from: usize::MAX,
        per_chart_limit: None,
        max_storage_objects: None,
        scan_parallelism: 2,
        timestamp_tolerance: Duration::ZERO,
        always_regenerate: false,
        statefiles: true,
        sweep: true,
        shared: false,
    };
    ChartRepository::new(store, settings)
}

pub async fn upload(
    repository: &ChartRepository,
    tenant: &Tenant,
    package: Vec<u8>,
) -> Result<(), UploadError> {
    let upload = Upload {
        chart: Some(package.into()),
        provenance: None,
        may_overwrite: true,
    };
    repository.upload(tenant, upload).await
}

async fn downloaded(
    repository: &ChartRepository,
    tenant: &Tenant,
    file_name: &str,
) -> Option<(Layer, Bytes)> {
    let download = repository.download(tenant, file_name).await.unwrap()?;
    let bytes = match download.content {
        Content::Shared(bytes) | Content::Whole(bytes) => bytes,
        Content::File(file) => whole(file).into(),
        Content::Stream(_) => panic!("{file_name} is small"),
    };
    assert_eq!(download.size, bytes.len() as u64, "{file_name}");
    Some((download.layer, bytes))
}

/// File names and digests in the index.
pub async fn listed(repository: &ChartRepository, tenant: &Tenant) -> Vec<(String, String)> {
    let index = repository.index(tenant).await.unwrap().to_bytes();
    let index = serde_json::from_slice(&index).unwrap();
    crate::recovery::contents::listed(&index)
        .into_iter()
        .collect()
}

#[tokio::test]
async fn what_is_built_in_cannot_be_replaced_shadowed_or_deleted() {
    let builtin = builtin_charts();
    let original = fs::read(builtin.path().join("app-1.0.0.tgz")).unwrap();
    let (directory_store, _directory) = in_a_directory();
    for store in [in_memory(), directory_store] {
        let other = ChartBuilder::new("app", "1.0.0").package();
        // somebody put a file of the same name into the storage, and the same version under another name
        for name in ["app-1.0.0.tgz", "zzz.tgz"] {
            store
                .put(&key("", name), other.clone().into(), WriteMode::Create)
                .await
                .unwrap();
        }
        let repository = repository(store.clone(), builtin.path());
        let root = Tenant::root();
        let expected = vec![("app-1.0.0.tgz".to_owned(), sha256_hex(&original))];
        assert_eq!(listed(&repository, &root).await, expected);

        let refused = upload(&repository, &root, other.clone()).await;
        assert!(
            matches!(refused, Err(UploadError::BuiltIn(_))),
            "{refused:?}"
        );
        let provenance = unsigned_provenance("app", "1.0.0", &other);
        let refused = Upload {
            chart: None,
            provenance: Some(provenance.into()),
            may_overwrite: true,
        };
        let refused = repository.upload(&root, refused).await;
        assert!(
            matches!(refused, Err(UploadError::BuiltIn(_))),
            "{refused:?}"
        );
        let refused = repository.delete_version(&root, "app", "1.0.0").await;
        assert!(
            matches!(refused, Err(DeleteError::BuiltIn(_))),
            "{refused:?}"
        );
        let refused = repository.delete_chart(&root, "app").await;
        assert!(
            matches!(refused, Err(DeleteError::BuiltIn(_))),
            "{refused:?}"
        );

        repository.rescan(&root).await.unwrap();
        repository.refresh(&root, "app-1.0.0.tgz").await.unwrap();
        assert_eq!(listed(&repository, &root).await, expected);
        let download = downloaded(&repository, &root, "app-1.0.0.tgz").await;
        assert_eq!(download, Some((Layer::BuiltIn, original.clone().into())));
        assert_eq!(
            got(&store, &key("", "app-1.0.0.tgz")).await,
            Some(other.clone().into()),
            "the storage is not touched"
        );
    }
}

#[tokio::test]
async fn uploads_live_beside_what_is_built_in() {
    let builtin = builtin_charts();
    let (directory_store, _directory) = in_a_directory();
    for store in [in_memory(), directory_store] {
        let root = Tenant::root();
        let newer = ChartBuilder::new("app", "1.1.0").package();
        let before = repository(store.clone(), builtin.path());
        upload(&before, &root, newer.clone()).await.unwrap();
        before.write_statefiles(DateTime::<Utc>::MAX_UTC).await;
        // the second time from the cache
        let after = repository(store.clone(), builtin.path());
        for repository in [&before, &after] {
            let names: Vec<String> = listed(repository, &root)
                .await
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            assert_eq!(names, ["app-1.0.0.tgz", "app-1.1.0.tgz"]);
            let download = downloaded(repository, &root, "app-1.1.0.tgz").await;
            assert_eq!(download, Some((Layer::Upload, newer.clone().into())));
        }
        let chart = after.delete_chart(&root, "app").await;
        assert!(matches!(chart, Err(DeleteError::BuiltIn(_))), "{chart:?}");
        assert_eq!(
            listed(&after, &root).await.len(),
            2,
            "a refused deletion deletes nothing"
        );
        after.delete_version(&root, "app", "1.1.0").await.unwrap();
        assert_eq!(listed(&after, &root).await.len(), 1);
        assert_eq!(downloaded(&after, &root, "app-1.1.0.tgz").await, None);
        assert_eq!(got(&store, &key("", "app-1.1.0.tgz")).await, None);
    }
}

#[tokio::test]
async fn built_in_charts_are_in_the_root_tenant_only() {
    let builtin = builtin_charts();
    let (directory_store, _directory) = in_a_directory();
    for store in [in_memory(), directory_store] {
        let repository = repository(store, builtin.path());
        let team = Tenant::parse("org/team").unwrap();
        assert_eq!(listed(&repository, &team).await, []);
        assert_eq!(downloaded(&repository, &team, "app-1.0.0.tgz").await, None);
        let own = ChartBuilder::new("app", "1.0.0").package();
        upload(&repository, &team, own.clone()).await.unwrap();
        assert_eq!(
            downloaded(&repository, &team, "app-1.0.0.tgz").await,
            Some((Layer::Upload, own.into()))
        );
        repository
            .delete_version(&team, "app", "1.0.0")
            .await
            .unwrap();
        assert_eq!(listed(&repository, &Tenant::root()).await.len(), 1);
    }
}

/// Two packages of one size within one tick of the file system's clock have one stamp.
#[tokio::test]
async fn the_index_cache_leaves_out_what_was_modified_just_now() {
    let builtin = TempDir::new().expect("a temporary directory");
    let (store, _directory) = in_a_directory();
    let root = Tenant::root();
    let package = |n: u8| ChartBuilder::new("app", "2.0.0").file("n", [n]).package();
    let first = package(b'a');
    let second = (1..=u8::MAX)
        .map(package)
        .find(|it| it.len() == first.len());
    let second = second.expect("one of them compresses to the same size");
    let writing = repository(store.clone(), builtin.path());
    upload(&writing, &root, first).await.unwrap();
    let path = store.local_root().unwrap().join("app-2.0.0.tgz");
    let tick = fs::metadata(&path).unwrap().modified().unwrap();
    writing
        .write_statefiles(DateTime::from(tick) - Duration::from_millis(1))
        .await;
    // the same tick, and the end of the process before the cache is written again
    fs::write(&path, &second).unwrap();
    fs::File::open(&path).unwrap().set_modified(tick).unwrap();
    let after = repository(store, builtin.path());
    let expected = vec![("app-2.0.0.tgz".to_owned(), sha256_hex(&second))];
    assert_eq!(listed(&after, &root).await, expected);
}
