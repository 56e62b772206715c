//! `/v2/_token`: tokens for clients that want one instead of sending the password with each request.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{CACHE_CONTROL, HeaderValue};
use http_body_util::BodyExt as _;
use serde_json::json;

use super::answers;
use super::door;
use super::uploads::trouble;
use super::{Call, OciAuth};
use crate::oci::error::OciError;
use crate::oci::token::{self, Claims, Scope};
use crate::server::auth::{Access, Action, BASIC_CHALLENGE};

/// Seconds that a token is worth something.
const LIFETIME: u64 = 3600;
/// Bytes of a form.
const LARGEST_FORM: usize = 64 * 1024;

/// Seconds of Unix time.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// `GET` with the scopes in the query, `POST` with a form.
pub async fn answer(call: &Call<'_>, body: Body) -> Result<Response, OciError> {
    let OciAuth::Token { key, .. } = &call.oci.auth else {
        return Err(OciError::NoSuchPath);
    };
    let (credentials, scopes) = match call.head.method {
        Method::GET => (door::credentials(call).cloned(), call.query("scope")),
        Method::POST => {
            let form = Form::read(body).await?;
            (Some(form.credentials()?), form.all("scope"))
        }
        _ => return Err(OciError::NoSuchMethod("GET, POST")),
    };
    let scopes = token::scopes(scopes.iter().map(String::as_str));
    let access = grant(call, credentials.as_ref(), scopes)?;
    let issued = now();
    let token = key.issue(&Claims {
        expires: issued + LIFETIME,
        access,
    });
    let body = json!({
        "token": token,
        "access_token": token,
        "expires_in": LIFETIME,
        "issued_at": chrono::DateTime::from_timestamp(issued.cast_signed(), 0)
            .unwrap_or_default()
            .to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    });
    let mut response = answers::json(body.to_string());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What somebody gets of what they ask for: all with the password, reading without one if anybody may read. A wrong
/// password gets nothing.
fn grant(
    call: &Call<'_>,
    credentials: Option<&HeaderValue>,
    scopes: Vec<Scope>,
) -> Result<Vec<Scope>, OciError> {
    let authorizer = &call.state.authorizer;
    if authorizer.authorize(Action::Push, credentials) == Access::Allow {
        return Ok(scopes);
    }
    if credentials.is_none() && authorizer.is_open_for_pull() {
        return Ok(token::for_readers(scopes));
    }
    Err(OciError::Unauthorized {
        challenge: BASIC_CHALLENGE.to_str().unwrap_or_default().to_owned(),
    })
}

/// A form of OAuth 2, of which `grant_type=password` is served.
struct Form(Vec<(String, String)>);

impl Form {
    async fn read(mut body: Body) -> Result<Self, OciError> {
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(trouble)?.into_data() else {
                continue;
            };
            if text.len() + data.len() > LARGEST_FORM {
                return Err(OciError::TooLarge {
                    what: "the form",
                    limit: LARGEST_FORM as u64,
                    option: "",
                });
            }
            text.extend_from_slice(&data);
        }
        Ok(Self(form_urlencoded::parse(&text).into_owned().collect()))
    }

    fn all(&self, wanted: &str) -> Vec<String> {
        let fields = self.0.iter().filter(|(name, _)| name == wanted);
        fields.map(|(_, value)| value.clone()).collect()
    }

    fn one(&self, wanted: &str) -> String {
        self.all(wanted).into_iter().next().unwrap_or_default()
    }

    fn credentials(&self) -> Result<HeaderValue, OciError> {
        if self.one("grant_type") != "password" {
            return Err(OciError::BadQuery(
                "only grant_type=password is served: send a username and a password",
            ));
        }
        let pair = format!("{}:{}", self.one("username"), self.one("password"));
        let header = format!("Basic {}", STANDARD.encode(pair));
        Ok(HeaderValue::try_from(header).expect("base64 is ASCII"))
    }
}
