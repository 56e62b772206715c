//! Who may come in.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Method};
use http_body_util::BodyExt as _;

use super::{Call, OciAuth, answers, realm};
use crate::oci::error::OciError;
use crate::oci::name::RepositoryName;
use crate::oci::token::Right;
use crate::server::auth::{Access, Action, BASIC_CHALLENGE};

/// A body that is refused unread is read nevertheless up to this size: a client that still sends would see its
/// connection break instead of the refusal.
const DRAINED: u64 = 1 << 20;
const DRAINED_WITHIN: Duration = Duration::from_secs(5);

/// `GET /v2/`: whether this is a registry, and how to log in.
pub fn base(call: &Call<'_>) -> Result<Response, OciError> {
    let authorizer = &call.state.authorizer;
    let with_tokens = matches!(call.oci.auth, OciAuth::Token { .. });
    let presented = credentials(call);
    // whoever logs in wants to know whether the password is right, also where reading needs none
    if authorizer.has_users()
        && (presented.is_some() || with_tokens || !authorizer.is_open_for_pull())
    {
        let is_known = match bearer(presented) {
            Some(text) => call.claims(text).is_some(),
            None => authorizer.authorize(Action::Push, presented) == Access::Allow,
        };
        if !is_known {
            return Err(refusal(call, None));
        }
    }
    let mut response = answers::json("{}".to_owned());
    if authorizer.has_users() && !with_tokens {
        // some clients send credentials to a registry that has challenged them here, and never else
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, BASIC_CHALLENGE);
    }
    Ok(response)
}

/// What is asked of whom.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    right: Right,
    /// `None` for the list of all.
    repository: Option<&'a RepositoryName>,
}

impl<'a> Wanted<'a> {
    /// What a method does to a repository.
    pub fn by(method: &Method, repository: Option<&'a RepositoryName>) -> Self {
        let right = match *method {
            Method::GET | Method::HEAD => Right::Pull,
            _ => Right::Push,
        };
        Self { right, repository }
    }
}

/// Lets a request in, or says how to ask again.
pub fn authorize(call: &Call<'_>, wanted: Wanted<'_>) -> Result<(), OciError> {
    if may(call, wanted) {
        Ok(())
    } else {
        Err(refusal(call, Some(wanted)))
    }
}

/// True if whoever asks may do this.
fn may(call: &Call<'_>, wanted: Wanted<'_>) -> bool {
    let action = match wanted.right {
        Right::Pull => Action::Pull,
        Right::Push => Action::Push,
    };
    let presented = credentials(call);
    let claims = bearer(presented).and_then(|text| call.claims(text));
    let name = wanted.repository.map(RepositoryName::as_str);
    claims.is_some_and(|claims| claims.allow(wanted.right, name))
        || call.state.authorizer.authorize(action, presented) == Access::Allow
}

/// One challenge: clients read no more than the first.
fn refusal(call: &Call<'_>, wanted: Option<Wanted<'_>>) -> OciError {
    let challenge = match &call.oci.auth {
        OciAuth::Basic => BASIC_CHALLENGE.to_str().unwrap_or_default().to_owned(),
        OciAuth::Token { is_https, .. } => {
            let realm = realm::of(call, *is_https);
            let mut challenge = format!("Bearer realm=\"{realm}\",service=\"chartroom\"");
            if let Some(Wanted { right, repository }) = wanted {
                let scope = match (repository, right) {
                    (None, _) => "registry:catalog:*".to_owned(),
                    (Some(name), Right::Pull) => format!("repository:{name}:pull"),
                    (Some(name), Right::Push) => format!("repository:{name}:pull,push"),
                };
                challenge.push_str(&format!(",scope=\"{scope}\""));
                if bearer(credentials(call)).is_some_and(|text| call.claims(text).is_some()) {
                    // what makes some clients ask for a better one
                    challenge.push_str(",error=\"insufficient_scope\"");
                }
            }
            challenge
        }
    };
    OciError::Unauthorized { challenge }
}

/// The `Authorization` header. An empty name with an empty password is what some clients send when they have none.
pub fn credentials<'a>(call: &'a Call<'_>) -> Option<&'a HeaderValue> {
    let header = call.head.headers.get(AUTHORIZATION)?;
    let is_empty = (header.as_bytes().trim_ascii()).eq_ignore_ascii_case(b"Basic Og==");
    (!is_empty).then_some(header)
}

/// The token of an `Authorization` header that has one.
fn bearer(header: Option<&HeaderValue>) -> Option<&str> {
    let (scheme, token) = header?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Reads what a client sends that was refused, if that is not much.
pub async fn drain(mut body: Body, announced: Option<&str>) {
    let announced = announced.and_then(|text| text.parse::<u64>().ok());
    if !announced.is_some_and(|size| (1..=DRAINED).contains(&size)) {
        return;
    }
    let reading = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = tokio::time::timeout(DRAINED_WITHIN, reading).await;
}
