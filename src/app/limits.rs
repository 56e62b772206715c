//! What the server may take of its machine: memory, file descriptors, connections of one client.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};

use crate::cgroup;
use crate::config::{Config, Listen};
use crate::listener::{AddressRange, ClientShare};

/// The memory that is reckoned with where nothing limits it.
const ORDINARY: u64 = 512 << 20;
/// More for what waits to be sent helps nobody: large containers are large for other reasons.
const MOST: u64 = 256 << 20;
const LEAST: u64 = 4 << 20;
/// For large uploads beside the one whose turn it is.
const BESIDE: u64 = 8 << 20;
/// What a connection, an index file and a package that is being read need of them, roughly.
const DESCRIPTORS: u64 = 4096;

/// Memory for what is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of all responses.
    pub responses: u64,
    /// Bytes of all large uploads.
    pub uploads: u64,
}

impl Memory {
    /// As configured, or by what the control group allows.
    pub fn of(config: &Config) -> Self {
        let memory = Self::within(cgroup::memory_limit(), config);
        info!(
            responses = memory.responses,
            uploads = memory.uploads,
            "Memory for what is under way"
        );
        memory
    }

    fn within(limit: Option<u64>, config: &Config) -> Self {
        let limit = limit.unwrap_or(ORDINARY);
        let given = |bytes: Option<NonZeroUsize>| bytes.map(|bytes| bytes.get() as u64);
        let beside = (limit / 16).saturating_sub(config.upload.max_upload_size);
        let uploads = config.upload.max_upload_size + beside.clamp(BESIDE, MOST);
        Self {
            responses: given(config.listen.response_memory)
                .unwrap_or((limit / 8).clamp(LEAST, MOST)),
            uploads: given(config.upload.memory).unwrap_or(uploads),
        }
    }
}

/// What one client may have of all connections.
pub fn client_share(listen: &Listen) -> ClientShare {
    let proxies = listen.trusted_proxies.iter();
    ClientShare {
        connections: listen.connections_per_client.map(NonZeroUsize::get),
        proxies: proxies
            .map(|&(address, prefix)| AddressRange { address, prefix })
            .collect(),
    }
}

/// Raises the soft limit of file descriptors to the hard one, as every program that does not use select(2) may: the soft
/// one is 1024 nearly everywhere, for the sake of old programs.
pub fn raise_descriptors() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let lowered = current.is_some_and(|current| maximum.is_none_or(|maximum| current < maximum));
    if lowered && let Err(error) = setrlimit(Resource::Nofile, raised) {
        warn!(error = %error, "The limit of open files cannot be raised");
    }
    if let Some(descriptors) =
        (getrlimit(Resource::Nofile).current).filter(|limit| *limit < DESCRIPTORS)
    {
        warn!(
            descriptors,
            advice = "raise the hard limit of open files (ulimit -Hn) to 4096 or more",
            "There may be too few file descriptors when there are many clients"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options::typed;

    fn memory(limit: Option<u64>, flags: &str) -> (u64, u64) {
        let config = Config::load(&typed(flags), |_| None, |_| unreachable!("no file"));
        let Memory { responses, uploads } = Memory::within(limit, &config.expect("valid"));
        (responses >> 20, uploads >> 20)
    }

    #[test]
    fn memory_follows_the_container_within_bounds() {
        let mib = |mib: u64| Some(mib << 20);
        for (what, limit, flags, expected) in [
            ("no limit", None, "", (64, 32)),
            ("the chart's default", mib(512), "", (64, 32)),
            ("a small container", mib(128), "", (16, 28)),
            ("a tiny one", mib(16), "", (4, 28)),
            ("a huge one", mib(64 << 10), "", (256, 276)),
            (
                "said otherwise",
                mib(512),
                "--response-memory=1048576 --upload-memory=2097152",
                (1, 2),
            ),
            (
                "large uploads",
                mib(512),
                "--max-upload-size=104857600",
                (64, 108),
            ),
        ] {
            assert_eq!(memory(limit, flags), expected, "{what}");
        }
    }
}
