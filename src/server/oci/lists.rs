//! Lists: tags, repositories, referrers, extensions.

use axum::response::Response;
use http::HeaderName;
use http::header::{CONTENT_TYPE, HeaderValue, LINK};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::Call;
use super::answers::{self, value};
use crate::oci::digest::Digest;
use crate::oci::error::OciError;
use crate::oci::manifest::INDEX;
use crate::oci::name::RepositoryName;
use crate::oci::page::{self, Page};

const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// `…/tags/list[?n=&last=]`
pub async fn tags(call: &Call<'_>, name: &RepositoryName) -> Result<Response, OciError> {
    let limit = limit(call)?;
    let mut found = Err(OciError::NameUnknown(name.to_string()));
    for name in call.names(name) {
        found = call.oci.registry.tags(&name).await;
        if !matches!(found, Err(OciError::NameUnknown(_))) {
            break;
        }
    }
    let page = page::of(found?, limit, call.query_one("last").as_deref());
    let body = json!({ "name": name.as_str(), "tags": page.names });
    let mut response = answers::json(body.to_string());
    link(&mut response, call, &format!("/v2/{name}/tags/list"), &page);
    Ok(response)
}

/// `/v2/_catalog[?n=&last=]`, which Docker had first.
pub async fn catalog(call: &Call<'_>) -> Result<Response, OciError> {
    let limit = limit(call)?;
    let names = call.oci.registry.catalog().await?;
    let page = page::of(names, limit, call.query_one("last").as_deref());
    let body = json!({ "repositories": page.names });
    let mut response = answers::json(body.to_string());
    link(&mut response, call, "/v2/_catalog", &page);
    Ok(response)
}

/// `/v2/_oci/ext/discover`: there are none.
pub fn extensions() -> Response {
    answers::json(json!({ "extensions": [] }).to_string())
}

/// `…/referrers/<digest>[?artifactType=]`. An index, even if nothing of what is asked for exists.
pub async fn referrers(
    call: &Call<'_>,
    name: &RepositoryName,
    digest: &str,
) -> Result<Response, OciError> {
    let digest = Digest::parse(digest)?;
    let mut found = Vec::new();
    for name in call.names(name) {
        found = call.oci.registry.referrers(&name, &digest).await?;
        if !found.is_empty() {
            break;
        }
    }
    let wanted = call
        .query_one("artifactType")
        .filter(|wanted| !wanted.is_empty());
    if let Some(wanted) = &wanted {
        found.retain(|descriptor| descriptor["artifactType"] == **wanted);
    }
    let (index, next) = page::of_referrers(found, call.query_one("last").as_deref());
    let mut response = answers::json(index.to_string());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(INDEX));
    let mut rest = String::new();
    if let Some(wanted) = wanted {
        headers.insert(
            OCI_FILTERS_APPLIED,
            HeaderValue::from_static("artifactType"),
        );
        rest = format!(
            "&artifactType={}",
            utf8_percent_encode(&wanted, NON_ALPHANUMERIC)
        );
    }
    if let Some(last) = next {
        let link = format!("</v2/{name}/referrers/{digest}?last={last}{rest}>; rel=\"next\"");
        headers.insert(LINK, value(link));
    }
    Ok(response)
}

/// `n`, the most names that are wanted.
fn limit(call: &Call<'_>) -> Result<Option<usize>, OciError> {
    let bad = OciError::BadQuery("n is no number");
    match call.query_one("n") {
        None => Ok(None),
        Some(text) if !text.bytes().all(|byte| byte.is_ascii_digit()) || text.is_empty() => {
            Err(bad)
        }
        Some(text) => Ok(Some(text.parse().unwrap_or(usize::MAX))),
    }
}

/// Where the list goes on.
fn link(response: &mut Response, call: &Call<'_>, path: &str, page: &Page) {
    let Some(last) = page.names.last().filter(|_| page.has_more) else {
        return;
    };
    let last = utf8_percent_encode(last, NON_ALPHANUMERIC);
    let n = call
        .query_one("n")
        .unwrap_or_else(|| page.names.len().to_string());
    let link = format!("<{path}?n={n}&last={last}>; rel=\"next\"");
    response.headers_mut().insert(LINK, value(link));
}
