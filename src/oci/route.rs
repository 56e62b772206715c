//! What a path below `/v2/` asks for. Names have slashes, and may have components called `blobs` or `manifests`, so a
//! path is read from its end.

use crate::oci::digest::Digest;
use crate::oci::error::OciError;
use crate::oci::name::{Reference, RepositoryName, Tag};

/// One of the endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`
    Base,
    /// `/v2/_token`: where tokens are handed out.
    Token,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/_oci/ext/discover`
    Extensions,
    /// One that belongs to a repository.
    Of(RepositoryName, Within),
}

/// What is asked of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Within {
    /// `tags/list`
    Tags,
    /// `manifests/<reference>`; the text, since what is wrong with it depends on the method.
    Manifest(String),
    /// `blobs/<digest>`
    Blob(String),
    /// `blobs/uploads/`
    Uploads,
    /// `blobs/uploads/<id>`
    Upload(String),
    /// `referrers/<digest>`
    Referrers(String),
}

/// True for a path of this API, which the rest of the server must not see.
pub fn is_oci(path: &str) -> bool {
    path == "/v2" || path.starts_with("/v2/")
}

/// True for the paths that bytes of any number are sent to or from, which take as long as they take.
pub fn is_transfer(path: &str) -> bool {
    is_oci(path) && path.contains("/blobs/")
}

/// Reads a percent-decoded path.
///
/// # Errors
/// It is the path of no endpoint, or the name in it is none.
pub fn parse(path: &str) -> Result<Route, OciError> {
    let rest = path.strip_prefix("/v2").ok_or(OciError::NoSuchPath)?;
    match rest.strip_prefix('/').unwrap_or(rest) {
        "" => return Ok(Route::Base),
        "_token" => return Ok(Route::Token),
        "_catalog" => return Ok(Route::Catalog),
        "_oci/ext/discover" => return Ok(Route::Extensions),
        _ => {}
    }
    let segments: Vec<&str> = rest.split('/').skip(1).collect();
    let (name, within) = match &*segments {
        [name @ .., "tags", "list"] => (name, Within::Tags),
        [name @ .., "manifests", reference] if !reference.is_empty() => {
            (name, Within::Manifest((*reference).to_owned()))
        }
        [name @ .., "referrers", digest] if !digest.is_empty() => {
            (name, Within::Referrers((*digest).to_owned()))
        }
        // a digest has a colon, so `uploads` and the id of an upload are none
        [name @ .., "blobs", digest] if digest.contains(':') => {
            (name, Within::Blob((*digest).to_owned()))
        }
        [name @ .., "blobs", "uploads", ""] | [name @ .., "blobs", "uploads"] => {
            (name, Within::Uploads)
        }
        [name @ .., "blobs", "uploads", id] => (name, Within::Upload((*id).to_owned())),
        [name @ .., "blobs", digest] if !digest.is_empty() => {
            (name, Within::Blob((*digest).to_owned()))
        }
        _ => return Err(OciError::NoSuchPath),
    };
    let name = name.join("/");
    match RepositoryName::parse(&name) {
        Some(name) => Ok(Route::Of(name, within)),
        None => Err(OciError::NameInvalid(name)),
    }
}

/// The reference that a manifest is read or deleted by.
///
/// # Errors
/// A digest that is none; and what can be no tag is the tag of no manifest.
pub fn reference(text: &str) -> Result<Reference, OciError> {
    if text.contains(':') {
        return Ok(Reference::Digest(Digest::parse(text)?));
    }
    match Tag::parse(text) {
        Some(tag) => Ok(Reference::Tag(tag)),
        None => Err(OciError::ManifestUnknown(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<(String, Within)> {
        match parse(path) {
            Ok(Route::Of(name, within)) => Some((name.to_string(), within)),
            _ => None,
        }
    }

    #[test]
    fn a_name_may_hold_the_words_of_the_api() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let blob = |name: &str| Some((name.to_owned(), Within::Blob(digest.clone())));
        for name in ["a", "a/b/c", "blobs", "a/blobs/uploads", "manifests/tags"] {
            assert_eq!(of(&format!("/v2/{name}/blobs/{digest}")), blob(name));
            let manifest = Within::Manifest("list".to_owned());
            assert_eq!(
                of(&format!("/v2/{name}/manifests/list")),
                Some((name.to_owned(), manifest))
            );
            for path in ["blobs/uploads/", "blobs/uploads"] {
                assert_eq!(
                    of(&format!("/v2/{name}/{path}")),
                    Some((name.to_owned(), Within::Uploads))
                );
            }
            let upload = Within::Upload("0-1".to_owned());
            assert_eq!(
                of(&format!("/v2/{name}/blobs/uploads/0-1")),
                Some((name.to_owned(), upload))
            );
            assert_eq!(
                of(&format!("/v2/{name}/tags/list")),
                Some((name.to_owned(), Within::Tags))
            );
        }
    }

    #[test]
    fn what_belongs_to_no_repository_begins_with_an_underscore() {
        for (path, route) in [
            ("/v2", Route::Base),
            ("/v2/", Route::Base),
            ("/v2/_catalog", Route::Catalog),
            ("/v2/_token", Route::Token),
            ("/v2/_oci/ext/discover", Route::Extensions),
        ] {
            assert_eq!(parse(path).ok(), Some(route), "{path}");
        }
    }

    #[test]
    fn other_paths_are_refused() {
        for path in [
            "/v2/a",
            "/v2//",
            "/v2/a/",
            "/v2/a/manifests/",
            "/v2/a/referrers/",
            "/v2/a/blobs/",
            "/v2/a/tags/list/",
            "/v2/_other",
        ] {
            assert!(matches!(parse(path), Err(OciError::NoSuchPath)), "{path}");
        }
        for path in [
            "/v2/manifests/latest",
            "/v2/A/manifests/latest",
            "/v2/a//b/tags/list",
            "/v2/../tags/list",
            "/v2/blobs/uploads/",
        ] {
            assert!(
                matches!(parse(path), Err(OciError::NameInvalid(_))),
                "{path}"
            );
        }
    }
}
