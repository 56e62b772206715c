//! Release Secrets: Helm's records of revisions.
