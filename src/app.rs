//! The composition root: builds the store, the repository and the router, runs them, shuts them down.

use anyhow::bail;

use crate::config::Config;

/// Serves until told to stop.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let _ = config;
    bail!("serving is not built yet")
}

/// Prints the root tenant's index.
pub async fn gen_index(config: Config) -> anyhow::Result<()> {
    let _ = config;
    bail!("printing the index is not built yet")
}
