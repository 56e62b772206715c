//! Charts over HTTP: which versions a repository has, and their packages, kept by content.
