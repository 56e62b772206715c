//! Objects of any kind: where the API server keeps them, read and applied.
