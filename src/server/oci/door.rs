//! Who may come in.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::HeaderValue;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http_body_util::BodyExt as _;

use super::{Call, answers};
use crate::oci::error::OciError;
use crate::server::auth::{Access, Action};

/// A body that is refused unread is read nevertheless up to this size: a client that still sends would see its connection break instead
/// of the refusal.
const DRAINED: u64 = 1 << 20;
const DRAINED_WITHIN: Duration = Duration::from_secs(5);

/// `GET /v2/`: whether this is a registry, and how to log in.
pub fn base(call: &Call<'_>) -> Result<Response, OciError> {
    let presented = credentials(call);
    if presented.is_some() || !call.state.authorizer.is_open_for_pull() {
        // whoever logs in wants to know whether the password is right, also where reading needs none
        judge(call, Action::Push, presented)?;
    }
    let mut response = answers::json("{}".to_owned());
    if call.state.authorizer.has_users() {
        // some clients send credentials to a registry that has challenged them here, and never else
        let Access::Deny { challenge } = call.state.authorizer.authorize(Action::Push, None) else {
            return Ok(response);
        };
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    Ok(response)
}

/// Lets a request in, or says how to ask again.
pub fn authorize(call: &Call<'_>, action: Action) -> Result<(), OciError> {
    judge(call, action, credentials(call))
}

fn judge(call: &Call<'_>, action: Action, presented: Option<&HeaderValue>) -> Result<(), OciError> {
    match call.state.authorizer.authorize(action, presented) {
        Access::Allow => Ok(()),
        Access::Deny { challenge } => Err(OciError::Unauthorized {
            challenge: challenge.to_str().unwrap_or_default().to_owned(),
        }),
    }
}

/// The `Authorization` header. An empty name with an empty password is what some clients send when they have none.
fn credentials<'a>(call: &'a Call<'_>) -> Option<&'a HeaderValue> {
    let header = call.head.headers.get(AUTHORIZATION)?;
    let is_empty = header
        .as_bytes()
        .trim_ascii()
        .eq_ignore_ascii_case(b"Basic Og==");
    (!is_empty).then_some(header)
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
