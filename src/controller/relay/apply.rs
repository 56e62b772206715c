//! One apply of Helm's, with what belongs to others as it is in the cluster.

use bytes::Bytes;
use http::request::Parts;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use kube::client::Body;
use serde_json::Value;

use crate::controller::drift;
use crate::controller::objects::Objects;
use crate::yaml::escaped;

/// How many times an apply is made anew whose object changes at the same moment.
const ATTEMPTS: usize = 5;

/// Passes an apply on.
///
/// # Errors
/// The API server does not answer.
pub async fn pass_on(
    objects: &Objects,
    head: Parts,
    body: Bytes,
) -> Result<Response<Body>, kube::Error> {
    let client = objects.client();
    for last in (1..=ATTEMPTS).map(|attempt| attempt == ATTEMPTS) {
        let Some(made) = with_others(objects, &head, &body).await? else {
            break;
        };
        let request = Request::from_parts(head.clone(), Body::from(made));
        let answer = client.send(request).await?;
        if answer.status() != StatusCode::CONFLICT || last {
            return Ok(answer);
        }
    }
    client.send(Request::from_parts(head, body.into())).await
}

/// The body with what belongs to others as it is now; `None` if nothing does. It is good for the object as it was read.
async fn with_others(
    objects: &Objects,
    head: &Parts,
    body: &Bytes,
) -> Result<Option<Vec<u8>>, kube::Error> {
    let Ok(mut wanted) = serde_json::from_slice::<Value>(body) else {
        return Ok(None);
    };
    let mut look = head.clone();
    look.method = Method::GET;
    look.uri = Uri::try_from(head.uri.path()).unwrap_or_default();
    look.headers.remove(CONTENT_TYPE);
    look.headers
        .insert(ACCEPT, HeaderValue::from_static("application/json"));
    let found = objects
        .client()
        .send(Request::from_parts(look, Body::empty()));
    let found = found.await?;
    if found.status() != StatusCode::OK {
        // there is none yet, or the apply says what is wrong
        return Ok(None);
    }
    let found = found.into_body().collect_bytes().await?;
    let Ok(live) = serde_json::from_slice::<Value>(&found) else {
        return Ok(None);
    };
    if drift::leave_to_others(objects, &mut wanted, &live).await {
        wanted["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        return Ok(serde_json::to_vec(&wanted).ok().map(escaped));
    }
    Ok(None)
}
