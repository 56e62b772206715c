//! Why Components are not gone.

/// Why Components are not gone.
#[derive(Debug, thiserror::Error)]
pub enum TeardownError {
    /// There is no client for this cluster.
    #[error("the API server's address is not usable")]
    Client(#[source] kube::Error),
    /// The API server refused, or could not be asked.
    #[error("{what} failed{}", advice(.source))]
    Api {
        /// What was asked for: `listing Components`.
        what: String,
        /// What came back.
        source: Box<kube::Error>,
    },
    /// The timeout has passed.
    #[error("{left}")]
    TimeIsUp {
        /// Which are left, why, and what to do, in sentences.
        left: String,
    },
}

impl TeardownError {
    /// True if the same request may succeed in a moment.
    pub fn is_passing(&self) -> bool {
        let Self::Api { source, .. } = self else {
            return false;
        };
        match source.as_ref() {
            kube::Error::Api(status) => matches!(status.code, 409 | 429 | 500..=504),
            kube::Error::HyperError(_) | kube::Error::Service(_) => true,
            _ => false,
        }
    }
}

fn advice(error: &kube::Error) -> &'static str {
    match error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
            "; whoever takes Components down must be allowed list, delete and patch of components in \
             ext.theriseunion.io"
        }
        _ => "",
    }
}
