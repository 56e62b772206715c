//! What to do about a release: a function of what is wanted and what is there.
