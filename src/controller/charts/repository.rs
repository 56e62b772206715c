//! One chart repository: how it lists its charts, and its cached index.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::chart::index::{self, ChartVersion};
use crate::controller::charts::ChartsError;
use crate::remote::address::Address;
use crate::remote::client::{Answer, ClientError, HttpClient};

/// The most bytes of an error response.
const MAX_ERROR: u64 = 4096;
/// How long an index counts as current.
const INDEX_FRESH: Duration = Duration::from_secs(1);
/// After this long a repository without the API is probed for it again: its server may have been replaced.
const TRY_API_AGAIN: Duration = Duration::from_secs(600);

/// A repository, and what is known of it.
pub(super) struct Repository {
    address: Address,
    /// The most bytes of its index, or of its answer about one chart.
    max_index: u64,
    named: Option<String>,
    method: Mutex<Method>,
    /// Locked while it is fetched, so that concurrent callers cause one request.
    index: tokio::sync::Mutex<Option<Index>>,
    seen: Mutex<IndexState>,
}

/// How the versions of a chart are requested.
#[derive(Clone, Copy)]
enum Method {
    Unknown,
    /// Through the API, at this one of the address's candidates.
    Api(usize),
    /// Through the index, since this time.
    Index(Instant),
}

struct Index {
    etag: Option<String>,
    at: Instant,
    charts: HashMap<String, Vec<ChartVersion>>,
}

/// The state of the index at the last poll.
#[derive(Clone, PartialEq, Eq)]
enum IndexState {
    Never,
    Down,
    Tag(String),
    /// Of servers without entity tags.
    Digest([u8; 32]),
}

/// The response of one of the API's addresses.
enum ApiAnswer {
    Versions(Vec<ChartVersion>),
    NoSuchChart,
    /// There is no API here.
    NoApi,
    /// Unknown this time; the error applies if the address is known to be right.
    Failed(ChartsError),
}

#[derive(Deserialize)]
struct ErrorBody {
    error: String,
}

impl Repository {
    pub(super) fn new(address: Address, max_index: u64) -> Self {
        Self {
            address,
            max_index,
            named: None,
            method: Mutex::new(Method::Unknown),
            index: tokio::sync::Mutex::default(),
            seen: Mutex::new(IndexState::Never),
        }
    }

    /// Its URL without credentials.
    pub(super) fn shown(&self) -> String {
        self.address.to_string()
    }

    /// The same, where people reach it at another address than this process.
    pub(super) fn named(self, named: Option<String>) -> Self {
        Self { named, ..self }
    }

    /// The URL for people who are to push a chart: in a pod its own address is none of theirs.
    pub(super) fn for_people(&self) -> String {
        self.named.clone().unwrap_or_else(|| self.shown())
    }

    /// Its address, with credentials.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// True if `address` is this repository: the same URL, and credentials that are the same or not given.
    pub(super) fn is_at(&self, address: &Address) -> bool {
        *address == self.address
            || !address.has_credentials()
                && address.without_credentials() == self.address.without_credentials()
    }

    /// The versions of `chart`, newest first.
    pub(super) async fn versions(
        &self,
        client: &HttpClient,
        chart: &str,
    ) -> Result<Vec<ChartVersion>, ChartsError> {
        let candidates = self.address.api_candidates(chart);
        match self.method() {
            Method::Api(at) => match self.ask(client, &candidates[at]).await? {
                ApiAnswer::Versions(versions) => return self.found(chart, versions),
                ApiAnswer::NoSuchChart => return Err(self.chart_not_found(chart)),
                ApiAnswer::Failed(error) => return Err(error),
                // the API was disabled since
                ApiAnswer::NoApi => self.set_method(Method::Unknown),
            },
            Method::Index(since) if since.elapsed() < TRY_API_AGAIN => {
                return self.listed_in_index(client, chart).await;
            }
            Method::Index(_) | Method::Unknown => {}
        }
        let mut certain = true;
        for (at, candidate) in candidates.iter().enumerate() {
            match self.ask(client, candidate).await? {
                ApiAnswer::Versions(versions) => {
                    self.set_method(Method::Api(at));
                    return self.found(chart, versions);
                }
                ApiAnswer::NoSuchChart => {
                    self.set_method(Method::Api(at));
                    return Err(self.chart_not_found(chart));
                }
                ApiAnswer::NoApi => {}
                ApiAnswer::Failed(_) => certain = false,
            }
        }
        let versions = self.listed_in_index(client, chart).await;
        let answered = matches!(versions, Ok(_) | Err(ChartsError::ChartNotFound { .. }));
        if certain && answered {
            self.set_method(Method::Index(Instant::now()));
        }
        versions
    }

    /// Requests one of the API's addresses. Only a failed connection is an error; the response of an address that may
    /// be wrong is not.
    async fn ask(&self, client: &HttpClient, address: &Address) -> Result<ApiAnswer, ChartsError> {
        let answer =
            (client.get(address, None).await).map_err(|source| self.unavailable(source))?;
        let status = answer.status;
        if status == StatusCode::OK {
            let text = self.whole(answer).await?;
            return Ok(match index::read_list(&text) {
                Ok(versions) => ApiAnswer::Versions(with_absolute_urls(versions, &self.address)),
                Err(_) => ApiAnswer::NoApi,
            });
        }
        let body = answer.whole(MAX_ERROR).await;
        let error = body.map_or(String::new(), |body| error_text(&body));
        Ok(match status {
            StatusCode::NOT_FOUND if error == "chart not found" => ApiAnswer::NoSuchChart,
            // ChartMuseum's response where it expects the name of a package
            StatusCode::INTERNAL_SERVER_ERROR if error == "unsupported file extension" => {
                ApiAnswer::NoApi
            }
            status if may_change(status) => ApiAnswer::Failed(self.refused(status, &error)),
            _ => ApiAnswer::NoApi,
        })
    }

    async fn listed_in_index(
        &self,
        client: &HttpClient,
        chart: &str,
    ) -> Result<Vec<ChartVersion>, ChartsError> {
        let mut index = self.index.lock().await;
        if index
            .as_ref()
            .is_none_or(|index| index.at.elapsed() >= INDEX_FRESH)
        {
            let known = index.as_ref().and_then(|index| index.etag.as_deref());
            let answer = self.get_index(client, known).await?;
            let at = Instant::now();
            match &mut *index {
                Some(index) if answer.status == StatusCode::NOT_MODIFIED => index.at = at,
                index => *index = Some(self.read_index(answer, at).await?),
            }
        }
        let charts = index.as_ref().map(|index| &index.charts);
        let versions = charts.and_then(|charts| charts.get(chart)).cloned();
        self.found(chart, versions.unwrap_or_default())
    }

    async fn read_index(&self, answer: Answer, at: Instant) -> Result<Index, ChartsError> {
        let etag = answer.etag.clone();
        let text = self.whole(answer).await?;
        let base = self.address.clone();
        let read = move || {
            let mut charts = index::Index::read(&text)?.charts;
            for versions in charts.values_mut() {
                *versions = with_absolute_urls(std::mem::take(versions), &base);
            }
            Ok(charts)
        };
        let reading = tokio::task::spawn_blocking(read).await;
        let charts = (reading.expect("reading an index does not panic")).map_err(
            |error: index::IndexError| {
                self.no_repository(&format!("the answer is no index: {error}"))
            },
        )?;
        Ok(Index { etag, at, charts })
    }

    /// What it lists.
    async fn whole(&self, answer: Answer) -> Result<Bytes, ChartsError> {
        let read = answer.whole(self.max_index).await;
        read.map_err(|source| match source {
            ClientError::TooLarge(..) => ChartsError::IndexTooLarge {
                repository: self.shown(),
                limit: self.max_index,
            },
            source => self.unavailable(source),
        })
    }

    /// The head of the index: 200, or 304 if `known` is still its tag.
    async fn get_index(
        &self,
        client: &HttpClient,
        known: Option<&str>,
    ) -> Result<Answer, ChartsError> {
        let answer = client.get(&self.address.index(), known).await;
        let answer = answer.map_err(|source| self.unavailable(source))?;
        match answer.status {
            StatusCode::OK => Ok(answer),
            StatusCode::NOT_MODIFIED if known.is_some() => Ok(answer),
            status => {
                let body = answer.whole(MAX_ERROR).await;
                Err(self.refused(
                    status,
                    &body.map_or(String::new(), |body| error_text(&body)),
                ))
            }
        }
    }

    /// True if the index has changed since the last call, or is available again.
    pub(super) async fn has_changed(&self, client: &HttpClient) -> bool {
        let before = self.seen().clone();
        let known = match &before {
            IndexState::Tag(tag) => Some(tag.as_str()),
            _ => None,
        };
        let now = match self.get_index(client, known).await {
            Ok(answer) if answer.status == StatusCode::NOT_MODIFIED => before.clone(),
            // the body is not needed: only the tag is
            Ok(Answer {
                etag: Some(tag), ..
            }) => IndexState::Tag(tag),
            Ok(answer) => digest(answer, self.max_index)
                .await
                .map_or(IndexState::Down, IndexState::Digest),
            Err(_) => IndexState::Down,
        };
        *self.seen() = now.clone();
        now != before && now != IndexState::Down && before != IndexState::Never
    }

    fn found(
        &self,
        chart: &str,
        versions: Vec<ChartVersion>,
    ) -> Result<Vec<ChartVersion>, ChartsError> {
        if versions.is_empty() {
            return Err(self.chart_not_found(chart));
        }
        Ok(versions)
    }

    fn chart_not_found(&self, chart: &str) -> ChartsError {
        ChartsError::ChartNotFound {
            name: chart.to_owned(),
            repository: self.for_people(),
        }
    }

    pub(super) fn unavailable(&self, source: ClientError) -> ChartsError {
        ChartsError::Unavailable {
            repository: self.shown(),
            source,
        }
    }

    /// The error for a status other than success at an address that should exist.
    pub(super) fn refused(&self, status: StatusCode, error: &str) -> ChartsError {
        let repository = self.shown();
        let mut text = status.to_string();
        if !error.is_empty() {
            text += &format!(" ({error})");
        }
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ChartsError::Unauthorized {
                repository,
                status: text,
            },
            status if may_change(status) => ChartsError::Status {
                repository,
                status: text,
            },
            _ => self.no_repository(&format!("it answers {text}")),
        }
    }

    fn no_repository(&self, why: &str) -> ChartsError {
        ChartsError::NoRepository {
            repository: self.shown(),
            why: why.to_owned(),
        }
    }

    fn method(&self) -> Method {
        *self.method.lock().expect("nobody panics with this lock")
    }

    fn set_method(&self, method: Method) {
        *self.method.lock().expect("nobody panics with this lock") = method;
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, IndexState> {
        self.seen.lock().expect("nobody panics with this lock")
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({})", self.address)
    }
}

/// Versions with the absolute URLs of their packages, without credentials; those without a URL are left out.
fn with_absolute_urls(versions: Vec<ChartVersion>, repository: &Address) -> Vec<ChartVersion> {
    let mut versions = versions;
    versions.retain(|version| !version.url.is_empty());
    for version in &mut versions {
        // what is not a URL is reported when the package is fetched
        if let Ok(address) = repository.join(&version.url) {
            version.url = address.without_credentials();
        }
    }
    versions
}

/// Statuses that say nothing about the address: the server is busy or fails.
fn may_change(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}

/// The error in a body such as ChartMuseum's; empty if there is none.
pub(super) fn error_text(body: &[u8]) -> String {
    serde_json::from_slice(body).map_or(String::new(), |body: ErrorBody| body.error)
}

async fn digest(mut answer: Answer, limit: u64) -> Option<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut left = limit;
    while let Some(chunk) = answer.chunk().await.ok()? {
        left = left.checked_sub(chunk.len() as u64)?;
        hash.update(&chunk);
    }
    Some(hash.finalize().into())
}
