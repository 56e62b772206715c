//! A chart package: what it is called, what it says of itself, and how its bytes are opened and made.
//!
//! Everything in this room is pure: bytes and values in, values out.

pub mod archive;
pub mod constraint;
pub mod digest;
pub mod ignore;
pub mod index;
pub mod metadata;
pub mod package;
pub mod provenance;
pub mod selector;
pub mod version;
