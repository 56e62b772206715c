//! Who may do what: basic authentication with one user, or none at all (docs/chartmuseum.md 9).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_PAD_INDIFFERENT;
use http::header::{AUTHORIZATION, HeaderValue};
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::repository::key::Tenant;
use crate::server::ServerState;
use crate::server::error::HttpError;

/// The `WWW-Authenticate` header of a 401 in basic mode.
pub const BASIC_CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"ChartMuseum\"");

/// What a route does to a repository, which is what a user needs the right for (docs/chartmuseum.md 9.1). Routes
/// without one are open to everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read.
    Pull,
    /// Upload or delete.
    Push,
}

/// The tenant of a request that may read it: a handler's way to a tenant, so that none forgets to ask.
#[derive(Debug)]
pub struct Pull(pub Tenant);

/// The tenant of a request that may change it.
#[derive(Debug)]
pub struct Push(pub Tenant);

/// Decides about requests. Pure: no clock, no I/O.
#[derive(Clone, Debug)]
pub enum Authorizer {
    /// Everyone may do everything.
    Open,
    /// Requests need the credentials of one user.
    Basic(BasicAuth),
}

/// The one user of basic mode. Keeps a digest of the credentials, not the credentials.
#[derive(Clone)]
pub struct BasicAuth {
    credentials: [u8; 32],
    anonymous_pull: bool,
}

/// Whether a request may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Allow,
    /// It may not: 401 with this `WWW-Authenticate` header.
    Deny {
        /// How to ask again.
        challenge: HeaderValue,
    },
}

impl BasicAuth {
    /// The user of `--basic-auth-user` and `--basic-auth-pass`. With `anonymous_pull` (`--auth-anonymous-get`), reading
    /// needs no credentials and wrong ones do no harm.
    pub fn new(user: &str, password: &str, anonymous_pull: bool) -> Self {
        let credentials = Sha256::digest(format!("{user}:{password}")).into();
        Self {
            credentials,
            anonymous_pull,
        }
    }

    /// Compares digests, so that neither content nor length of the credentials shows in the time it takes.
    fn accepts(&self, header: &HeaderValue) -> bool {
        let Some(presented) = credentials(header.as_bytes()) else {
            return false;
        };
        let presented: [u8; 32] = Sha256::digest(presented).into();
        presented.ct_eq(&self.credentials).into()
    }
}

impl std::fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BasicAuth")
            .field("anonymous_pull", &self.anonymous_pull)
            .finish_non_exhaustive()
    }
}

impl Authorizer {
    /// True if everyone may read, so that caches may share what they were given.
    pub fn is_open_for_pull(&self) -> bool {
        match self {
            Self::Open => true,
            Self::Basic(basic) => basic.anonymous_pull,
        }
    }

    /// True if there is anybody to log in as.
    pub fn has_users(&self) -> bool {
        match self {
            Self::Open => false,
            Self::Basic(_) => true,
        }
    }

    /// Judges a request by its route's action and its `Authorization` header.
    pub fn authorize(&self, action: Action, header: Option<&HeaderValue>) -> Access {
        let allowed = match (self, action) {
            (Self::Open, _) => true,
            (Self::Basic(basic), Action::Pull) if basic.anonymous_pull => true,
            (Self::Basic(basic), Action::Pull | Action::Push) => {
                header.is_some_and(|header| basic.accepts(header))
            }
        };
        if allowed {
            Access::Allow
        } else {
            Access::Deny {
                challenge: BASIC_CHALLENGE,
            }
        }
    }
}

impl FromRequestParts<Arc<ServerState>> for Pull {
    type Rejection = HttpError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<ServerState>,
    ) -> Result<Self, HttpError> {
        tenant_for(Action::Pull, parts, state).map(Self)
    }
}

impl FromRequestParts<Arc<ServerState>> for Push {
    type Rejection = HttpError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<ServerState>,
    ) -> Result<Self, HttpError> {
        tenant_for(Action::Push, parts, state).map(Self)
    }
}

fn tenant_for(action: Action, parts: &mut Parts, state: &ServerState) -> Result<Tenant, HttpError> {
    match state
        .authorizer
        .authorize(action, parts.headers.get(AUTHORIZATION))
    {
        Access::Allow => Ok(parts.extensions.remove().expect("the door sets the tenant")),
        Access::Deny { challenge } => Err(HttpError::Unauthorized(challenge)),
    }
}

/// `user:password` from a header in any spelling of RFC 7617: the scheme in any case, any number of spaces, base64 with
/// or without padding.
fn credentials(header: &[u8]) -> Option<Vec<u8>> {
    let (scheme, token) = header.trim_ascii().split_at_checked(5)?;
    if !scheme.eq_ignore_ascii_case(b"basic") || !token.first()?.is_ascii_whitespace() {
        return None;
    }
    STANDARD_PAD_INDIFFERENT.decode(token.trim_ascii()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(authorizer: &Authorizer, action: Action, header: &str) -> bool {
        let header = HeaderValue::from_str(header).expect("a header value");
        let header = (!header.is_empty()).then_some(&header);
        authorizer.authorize(action, header) == Access::Allow
    }

    // base64 of `user:pass`, `user:wrong`, `user`, `:`, `user:pass:more`
    const USER_PASS: &str = "dXNlcjpwYXNz";

    #[test]
    fn every_spelling_of_the_right_credentials_is_accepted() {
        let basic = Authorizer::Basic(BasicAuth::new("user", "pass", false));
        for header in [
            "Basic dXNlcjpwYXNz",
            "basic dXNlcjpwYXNz",
            "BASIC   dXNlcjpwYXNz",
            "Basic\tdXNlcjpwYXNz",
            "Basic dXNlcjpwYXNz ",
        ] {
            assert!(allows(&basic, Action::Pull, header), "{header}");
            assert!(allows(&basic, Action::Push, header), "{header}");
        }
        let padded = Authorizer::Basic(BasicAuth::new("user", "pass1", false));
        for header in ["Basic dXNlcjpwYXNzMQ==", "Basic dXNlcjpwYXNzMQ"] {
            assert!(allows(&padded, Action::Push, header), "{header}");
        }
    }

    #[test]
    fn anything_else_is_denied_with_a_challenge() {
        let basic = Authorizer::Basic(BasicAuth::new("user", "pass", false));
        for header in [
            "",
            "Basic",
            "Basic ",
            USER_PASS,
            "BasicdXNlcjpwYXNz",
            "Bearer dXNlcjpwYXNz",
            "Basic dXNlcjp3cm9uZw==",
            "Basic dXNlcg==",
            "Basic Og==",
            "Basic dXNlcjpwYXNzOm1vcmU=",
            "Basic dXNl cjpwYXNz",
            "Basic ****",
        ] {
            for action in [Action::Pull, Action::Push] {
                assert!(!allows(&basic, action, header), "{header}");
            }
        }
        let denied = basic.authorize(Action::Pull, None);
        assert_eq!(
            denied,
            Access::Deny {
                challenge: HeaderValue::from_static(r#"Basic realm="ChartMuseum""#)
            }
        );
    }

    #[test]
    fn anonymous_pull_opens_reading_only() {
        let basic = Authorizer::Basic(BasicAuth::new("user", "pass", true));
        assert!(allows(&basic, Action::Pull, ""));
        assert!(allows(&basic, Action::Pull, "Basic d3Jvbmc="));
        assert!(!allows(&basic, Action::Push, ""));
        assert!(allows(&basic, Action::Push, "Basic dXNlcjpwYXNz"));
    }

    #[test]
    fn without_a_user_everything_is_open() {
        for action in [Action::Pull, Action::Push] {
            assert!(allows(&Authorizer::Open, action, ""));
        }
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let shown = format!(
            "{:?}",
            Authorizer::Basic(BasicAuth::new("user", "pass", true))
        );
        assert_eq!(shown, "Basic(BasicAuth { anonymous_pull: true, .. })");
    }
}
