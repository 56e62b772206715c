//! The namespaces that releases go to.
