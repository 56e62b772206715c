//! Whether installed objects are as they were installed, and putting them right.
