//! Fetching the index of a chart repository by HTTP or HTTPS.

use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;

use crate::remote::address::{Address, AddressError};
use crate::remote::client::{ClientError, HttpClient, Patience};

/// How long the exchange and its parts may take.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(15),
    silence: Duration::from_secs(45),
    whole: Duration::from_secs(60),
};
/// How large a package may be: more does not fit into a release.
const MAX_PACKAGE: u64 = 20 << 20;

/// Why there is no index, or no package.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The text is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// There is no complete response.
    #[error(transparent)]
    Exchange(#[from] ClientError),
    /// The index has more bytes than are read.
    #[error("it is larger than {0} bytes; raise --helm-index-max-size")]
    IndexTooLarge(u64),
    /// The status is not 200.
    #[error("it answers {0}{help}", help = help(*.0))]
    Status(StatusCode),
}

/// GETs `index.yaml` of the repository at `url`, of at most `limit` bytes.
///
/// # Errors
/// [`FetchError`]; its messages show no credentials.
pub async fn fetch_index(url: &str, limit: u64) -> Result<Bytes, FetchError> {
    let index = Address::parse(url)?.index();
    let answer = HttpClient::new(PATIENCE, None)?.get(&index, None).await?;
    match answer.status {
        StatusCode::OK => answer.whole(limit).await.map_err(|error| match error {
            ClientError::TooLarge(..) => FetchError::IndexTooLarge(limit),
            error => error.into(),
        }),
        status => Err(FetchError::Status(status)),
    }
}

/// GETs the package that the index of the repository at `url` says is at `place`.
///
/// # Errors
/// [`FetchError`]; it does not repeat what is secret in the address.
pub async fn fetch_package(url: &str, place: &str) -> Result<Bytes, FetchError> {
    let package = Address::parse(url)?.repository().join(place)?;
    let answer = HttpClient::new(PATIENCE, None)?.get(&package, None).await?;
    match answer.status {
        StatusCode::OK => Ok(answer.whole(MAX_PACKAGE).await?),
        status => Err(FetchError::Status(status)),
    }
}

fn help(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "; it wants credentials: write http://USER:PASSWORD@HOST",
        StatusCode::NOT_FOUND => "; is this the address that `helm repo add` takes?",
        _ => "",
    }
}
