//! Fetches a package into the cache, hashing it on the way.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use hyper::StatusCode;
use sha2::{Digest as _, Sha256};

use crate::chart::digest::Sha256Hex;
use crate::controller::charts::cache::Unfinished;
use crate::controller::charts::repository::{Repository, error_text};
use crate::controller::charts::{ChartVersion, Charts, ChartsError, FetchedChart, contents};
use crate::remote::address;
use crate::remote::client::{Answer, ClientError};

/// Bytes that are gathered before they are written.
const PIECE: usize = 256 * 1024;

impl Charts {
    /// The package from the cache, if it is there and intact.
    pub(super) async fn load_cached(
        &self,
        digest: Sha256Hex,
    ) -> Result<Option<Arc<FetchedChart>>, ChartsError> {
        let _slot = self.opening_slot().await;
        let cache = Arc::clone(&self.cache);
        let load = move || cache.load(digest, &format!("with digest {digest}"));
        (tokio::task::spawn_blocking(load).await).expect("reading a package does not panic")
    }

    /// The package from the cache, else from the repository.
    pub(super) async fn cached_or_download(
        &self,
        repository: &Repository,
        version: &ChartVersion,
        wanted: Sha256Hex,
        pinned: bool,
    ) -> Result<Arc<FetchedChart>, ChartsError> {
        if let Some(chart) = self.load_cached(wanted).await? {
            return Ok(chart);
        }
        self.download(repository, version, Some(wanted), pinned)
            .await
    }

    /// The package from the repository, into the cache.
    pub(super) async fn download(
        &self,
        repository: &Repository,
        version: &ChartVersion,
        wanted: Option<Sha256Hex>,
        pinned: bool,
    ) -> Result<Arc<FetchedChart>, ChartsError> {
        let start = Instant::now();
        let answer = self.get_package(repository, version).await?;
        let (unfinished, digest) = self.receive(repository, version, answer).await?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != digest) {
            return Err(ChartsError::Digest {
                chart: version.to_string(),
                repository: repository.shown(),
                found: digest,
                wanted,
                pinned,
            });
        }
        let _slot = self.opening_slot().await;
        let cache = Arc::clone(&self.cache);
        let listed = version.to_string();
        let judge = move || {
            let read = || {
                let mut file: &File = &unfinished.file;
                let mut package = Vec::new();
                file.rewind()?;
                file.read_to_end(&mut package)?;
                Ok(package)
            };
            let package = read().map_err(|error| cache.failed(error))?;
            let chart = contents::read(&package, digest, cache.path(digest), &listed)?;
            drop(package);
            cache.finish(&unfinished, chart)
        };
        let judged = tokio::task::spawn_blocking(judge).await;
        let chart = judged.expect("judging a package does not panic")?;
        self.fetched_bytes.fetch_add(chart.size, Ordering::Relaxed);
        tracing::info!(
            chart = %chart.name,
            version = %chart.version,
            %digest,
            bytes = chart.size,
            milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            "Fetched a chart",
        );
        Ok(chart)
    }

    async fn get_package(
        &self,
        repository: &Repository,
        version: &ChartVersion,
    ) -> Result<Answer, ChartsError> {
        let address = repository.address().join(&version.url).map_err(|source| {
            ChartsError::PackageAddress {
                chart: version.to_string(),
                repository: repository.shown(),
                url: address::shown(&version.url),
                source,
            }
        })?;
        let answer = (self.client)
            .get_for(repository.address(), &address, None)
            .await;
        let answer = answer.map_err(|source| repository.unavailable(source))?;
        if answer.status == StatusCode::OK {
            return Ok(answer);
        }
        let status = answer.status;
        let body = answer.whole(4096).await.unwrap_or_default();
        Err(match repository.refused(status, &error_text(&body)) {
            // the repository exists, since it has listed the package
            ChartsError::NoRepository { .. } => ChartsError::PackageGone {
                chart: version.to_string(),
                repository: repository.for_people(),
            },
            other => other,
        })
    }

    /// The body in a file, and its digest.
    async fn receive(
        &self,
        repository: &Repository,
        version: &ChartVersion,
        mut answer: Answer,
    ) -> Result<(Unfinished, Sha256Hex), ChartsError> {
        let limit = self.settings.max_package;
        let too_large = || ChartsError::PackageTooLarge {
            chart: version.to_string(),
            limit,
        };
        if answer.length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let cache = Arc::clone(&self.cache);
        let begin = tokio::task::spawn_blocking(move || cache.begin()).await;
        let mut unfinished = begin.expect("making a file does not panic")?;
        let mut hash = Sha256::new();
        let mut size = 0;
        let mut piece = Vec::new();
        loop {
            let chunk = answer.chunk().await;
            let chunk: Option<Bytes> =
                chunk.map_err(|source: ClientError| repository.unavailable(source))?;
            if let Some(chunk) = &chunk {
                size += chunk.len() as u64;
                if size > limit {
                    return Err(too_large());
                }
                hash.update(chunk);
                piece.extend_from_slice(chunk);
            }
            if piece.len() >= PIECE || chunk.is_none() {
                (unfinished, piece) = self.write(unfinished, piece).await?;
            }
            if chunk.is_none() {
                let digest = Sha256Hex::from(<[u8; 32]>::from(hash.finalize()));
                return Ok((unfinished, digest));
            }
        }
    }

    async fn write(
        &self,
        unfinished: Unfinished,
        mut piece: Vec<u8>,
    ) -> Result<(Unfinished, Vec<u8>), ChartsError> {
        let cache = Arc::clone(&self.cache);
        let write = move || {
            let mut file: &File = &unfinished.file;
            file.write_all(&piece)
                .map_err(|error| cache.failed(error))?;
            piece.clear();
            Ok((unfinished, piece))
        };
        (tokio::task::spawn_blocking(write).await).expect("writing to a file does not panic")
    }

    async fn opening_slot(&self) -> tokio::sync::SemaphorePermit<'_> {
        let slot = self.opening.acquire().await;
        slot.expect("the semaphore is never closed")
    }
}
