//! Where things lie below the registry's prefix of the storage.
//!
//! ```text
//! blobs/sha256/ab/abcd…              the bytes of a blob
//! links/sha256/ab/abcd…/org+app      the blob is in repository org/app
//! repositories/org/app/_manifests/sha256/abcd…          the manifest, after a line with its media type
//! repositories/org/app/_tags/1.0.0                      the digest that the tag points to
//! repositories/org/app/_charts/1.0.0                    the same for the tag of a chart's version, which is in the index
//! repositories/org/app/_referrers/sha256-ab…/sha256-cd… how the manifest sha256:cd… refers to sha256:ab…
//! uploads/<id>                       what has come of an upload
//! ```
//!
//! No component of a name begins with an underscore or has a plus.

use crate::oci::digest::{Algorithm, Digest};
use crate::oci::name::{RepositoryName, Tag};

/// The prefix below which all of it lies, beside the packages.
pub use crate::repository::key::REGISTRY_DIRECTORY as PREFIX;

/// Where repositories lie.
pub const REPOSITORIES: &str = "repositories";
/// Where unfinished uploads lie.
pub const UPLOADS: &str = "uploads";
/// Where links lie.
pub const LINKS: &str = "links";
/// Where blobs lie.
pub const BLOBS: &str = "blobs";

/// A blob's bytes.
pub fn blob(digest: &Digest) -> String {
    fanned(BLOBS, digest)
}

/// The links of a blob.
pub fn links(digest: &Digest) -> String {
    fanned(LINKS, digest)
}

/// That a blob is in a repository.
pub fn link(digest: &Digest, name: &RepositoryName) -> String {
    format!("{}/{}", links(digest), name.as_str().replace('/', "+"))
}

/// The repository that a link is of.
pub fn linked(link: &str) -> Option<RepositoryName> {
    RepositoryName::parse(&link.replace('+', "/"))
}

/// A repository.
pub fn repository(name: &RepositoryName) -> String {
    format!("{REPOSITORIES}/{name}")
}

/// A repository's manifests of one algorithm.
pub fn manifests(name: &RepositoryName, algorithm: Algorithm) -> String {
    format!("{REPOSITORIES}/{name}/_manifests/{}", algorithm.name())
}

/// A manifest.
pub fn manifest(name: &RepositoryName, digest: &Digest) -> String {
    format!("{}/{}", manifests(name, digest.algorithm()), digest.hex())
}

/// A repository's tags.
pub fn tags(name: &RepositoryName) -> String {
    format!("{REPOSITORIES}/{name}/_tags")
}

/// A tag.
pub fn tag(name: &RepositoryName, tag: &Tag) -> String {
    format!("{}/{tag}", tags(name))
}

/// Where it is kept which manifests charts were pushed as.
pub fn chart_tags(name: &RepositoryName) -> String {
    format!("{REPOSITORIES}/{name}/_charts")
}

/// The manifest that a chart's version was pushed as. It counts as long as the index lists that version with its
/// package.
pub fn chart_tag(name: &RepositoryName, tag: &Tag) -> String {
    format!("{}/{tag}", chart_tags(name))
}

/// What refers to a manifest.
pub fn referrers(name: &RepositoryName, subject: &Digest) -> String {
    format!("{REPOSITORIES}/{name}/_referrers/{}", dashed(subject))
}

/// That a manifest refers to another.
pub fn referrer(name: &RepositoryName, subject: &Digest, digest: &Digest) -> String {
    format!("{}/{}", referrers(name, subject), dashed(digest))
}

/// The digest of a name with a dash in place of the colon.
pub fn undashed(name: &str) -> Option<Digest> {
    Digest::parse(&name.replacen('-', ":", 1)).ok()
}

/// An upload.
pub fn upload(id: &str) -> String {
    format!("{UPLOADS}/{id}")
}

fn dashed(digest: &Digest) -> String {
    format!("{}-{}", digest.algorithm().name(), digest.hex())
}

fn fanned(folder: &str, digest: &Digest) -> String {
    let (algorithm, hex) = (digest.algorithm().name(), digest.hex());
    format!("{folder}/{algorithm}/{}/{hex}", &hex[..2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_back_is_what_was_written() {
        let name = RepositoryName::parse("org/team-1/app__x").unwrap();
        let digest = Digest::of(Algorithm::Sha512, b"");
        let link = link(&digest, &name);
        let last = link.rsplit('/').next().unwrap();
        assert_eq!(linked(last), Some(name.clone()));
        let referrer = referrer(&name, &digest, &digest);
        assert_eq!(undashed(referrer.rsplit('/').next().unwrap()), Some(digest));
    }
}
