//! The definitions in a chart's crds folder.
