//! The composition root: builds the store, the repository and the router, runs them, shuts them down.
