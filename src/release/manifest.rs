//! The objects of a release, read from its rendered manifest.
