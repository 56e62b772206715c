//! The proof in a revision of who made it, and from what.
