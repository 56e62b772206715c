//! One repository: which way it lists its charts, and what is known of its index.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::controller::charts::ChartsError;
use crate::controller::charts::listing::{self, ChartVersion};
use crate::remote::address::Address;
use crate::remote::client::{Answer, ClientError, HttpClient};

/// Bytes of an answer about one chart.
const MAX_LISTING: u64 = 16 << 20;
/// Bytes of an index: it is in memory for a moment.
const MAX_INDEX: u64 = 32 << 20;
/// An error's text in an answer is not longer.
const MAX_ERROR: u64 = 4096;
/// An index is not asked for again so soon.
const INDEX_FRESH: Duration = Duration::from_secs(1);
/// A repository without the API is asked for it again after this long: its server may have been replaced.
const TRY_API_AGAIN: Duration = Duration::from_secs(600);

/// A repository and what was learned of it.
pub(super) struct Repository {
    address: Address,
    named: Option<String>,
    way: Mutex<Way>,
    /// Locked while it is fetched, so that many who ask at once cause one request.
    index: tokio::sync::Mutex<Option<Index>>,
    seen: Mutex<Seen>,
}

/// How the repository is asked for the versions of a chart.
#[derive(Clone, Copy)]
enum Way {
    Unknown,
    /// By the API, at this one of the address's candidates.
    Api(usize),
    /// By the index, since then.
    Index(Instant),
}

struct Index {
    etag: Option<String>,
    at: Instant,
    charts: HashMap<String, Vec<ChartVersion>>,
}

/// The state of the index at the last look.
#[derive(Clone, PartialEq, Eq)]
enum Seen {
    Never,
    Down,
    Tag(String),
    /// Of servers that give no tags.
    Digest([u8; 32]),
}

/// What one of the addresses of the API says.
enum Asked {
    Versions(Vec<ChartVersion>),
    NoSuchChart,
    /// There is no API here.
    NoApi,
    /// This time it cannot tell; the error is for a place that is known to be right.
    Trouble(ChartsError),
}

#[derive(Deserialize)]
struct ErrorBody {
    error: String,
}

impl Repository {
    pub(super) fn new(address: Address) -> Self {
        Self {
            address,
            named: None,
            way: Mutex::new(Way::Unknown),
            index: tokio::sync::Mutex::default(),
            seen: Mutex::new(Seen::Never),
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

    /// Where it is, with credentials.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// True if `address` is this repository: the same URL, and credentials that are the same or not given.
    pub(super) fn is_at(&self, address: &Address) -> bool {
        *address == self.address
            || !address.has_credentials() && address.to_string() == self.address.to_string()
    }

    /// The versions of `chart`, newest first.
    pub(super) async fn versions(
        &self,
        client: &HttpClient,
        chart: &str,
    ) -> Result<Vec<ChartVersion>, ChartsError> {
        let candidates = self.address.api_candidates(chart);
        match self.way() {
            Way::Api(at) => match self.ask(client, &candidates[at]).await? {
                Asked::Versions(versions) => return self.found(chart, versions),
                Asked::NoSuchChart => return Err(self.chart_not_found(chart)),
                Asked::Trouble(error) => return Err(error),
                // it was switched off since
                Asked::NoApi => self.set_way(Way::Unknown),
            },
            Way::Index(since) if since.elapsed() < TRY_API_AGAIN => {
                return self.listed_in_index(client, chart).await;
            }
            Way::Index(_) | Way::Unknown => {}
        }
        let mut certain = true;
        for (at, candidate) in candidates.iter().enumerate() {
            match self.ask(client, candidate).await? {
                Asked::Versions(versions) => {
                    self.set_way(Way::Api(at));
                    return self.found(chart, versions);
                }
                Asked::NoSuchChart => {
                    self.set_way(Way::Api(at));
                    return Err(self.chart_not_found(chart));
                }
                Asked::NoApi => {}
                Asked::Trouble(_) => certain = false,
            }
        }
        let versions = self.listed_in_index(client, chart).await;
        let answered = matches!(versions, Ok(_) | Err(ChartsError::ChartNotFound { .. }));
        if certain && answered {
            self.set_way(Way::Index(Instant::now()));
        }
        versions
    }

    /// Asks one of the API's addresses. Errors are those of the connection; what an address that may be wrong answers is
    /// no error.
    async fn ask(&self, client: &HttpClient, address: &Address) -> Result<Asked, ChartsError> {
        let answer =
            (client.get(address, None).await).map_err(|source| self.unavailable(source))?;
        let status = answer.status;
        if status == StatusCode::OK {
            let text = answer.whole(MAX_LISTING).await;
            let text = text.map_err(|source| self.unavailable(source))?;
            return Ok(match listing::chart(&text, &self.address) {
                Ok(versions) => Asked::Versions(versions),
                Err(_) => Asked::NoApi,
            });
        }
        let body = answer.whole(MAX_ERROR).await;
        let error = body.map_or(String::new(), |body| error_text(&body));
        Ok(match status {
            StatusCode::NOT_FOUND if error == "chart not found" => Asked::NoSuchChart,
            // what ChartMuseum says where a package's name would have to stand
            StatusCode::INTERNAL_SERVER_ERROR if error == "unsupported file extension" => {
                Asked::NoApi
            }
            status if may_change(status) => Asked::Trouble(self.refused(status, &error)),
            _ => Asked::NoApi,
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
        let text = answer.whole(MAX_INDEX).await;
        let text = text.map_err(|source| self.unavailable(source))?;
        let base = self.address.clone();
        let reading = tokio::task::spawn_blocking(move || listing::index(&text, &base)).await;
        let charts = (reading.expect("reading an index does not panic"))
            .map_err(|error| self.no_repository(&format!("the answer is no index: {error}")))?;
        Ok(Index { etag, at, charts })
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

    /// True if the index is another than at the last call, or is there again.
    pub(super) async fn has_changed(&self, client: &HttpClient) -> bool {
        let before = self.seen().clone();
        let known = match &before {
            Seen::Tag(tag) => Some(tag.as_str()),
            _ => None,
        };
        let now = match self.get_index(client, known).await {
            Ok(answer) if answer.status == StatusCode::NOT_MODIFIED => before.clone(),
            // the body is not needed: only the tag is
            Ok(Answer {
                etag: Some(tag), ..
            }) => Seen::Tag(tag),
            Ok(answer) => digest(answer).await.map_or(Seen::Down, Seen::Digest),
            Err(_) => Seen::Down,
        };
        *self.seen() = now.clone();
        now != before && now != Seen::Down && before != Seen::Never
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

    /// What an unpleasant status means at a place where something should be.
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

    fn way(&self) -> Way {
        *self.way.lock().expect("nobody panics with this lock")
    }

    fn set_way(&self, way: Way) {
        *self.way.lock().expect("nobody panics with this lock") = way;
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().expect("nobody panics with this lock")
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({})", self.address)
    }
}

/// Statuses that say nothing about what is at the place: too busy, or broken.
fn may_change(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}

/// What a server says is wrong, as ChartMuseum says it; empty if it says nothing of that kind.
pub(super) fn error_text(body: &[u8]) -> String {
    serde_json::from_slice(body).map_or(String::new(), |body: ErrorBody| body.error)
}

async fn digest(mut answer: Answer) -> Option<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut left = MAX_INDEX;
    while let Some(chunk) = answer.chunk().await.ok()? {
        left = left.checked_sub(chunk.len() as u64)?;
        hash.update(&chunk);
    }
    Some(hash.finalize().into())
}
