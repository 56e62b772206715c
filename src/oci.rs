//! The distribution API: images, charts and other artifacts by digest and tag, over the storage of the charts.
//!
//! Names, digests, ranges, manifests, errors and what a collection may remove are values worked out by pure modules;
//! the [`registry`] puts them over [`objects`], which is all that a storage has to offer, and over the chart
//! repository: a chart is one chart in both views, and its package lies where the repository keeps it.

pub mod chart;
pub mod coordinates;
pub mod digest;
pub mod disk;
pub mod error;
pub mod keys;
pub mod manifest;
pub mod mark;
pub mod name;
pub mod objects;
pub mod page;
pub mod range;
pub mod registry;
pub mod route;
pub mod token;
