//! The versions that the tests stand on: `tests/tools/versions`, or what the environment says instead.

const VERSIONS: &str = include_str!("../../tools/versions");

/// What has a version there.
#[derive(Clone, Copy)]
pub enum Program {
    /// The Kubernetes of this run: `make test KUBERNETES=1.28.15` chooses another.
    Kubernetes,
    /// The oldest Kubernetes that is promised.
    OldestKubernetes,
    /// The newest, whichever this run is for.
    NewestKubernetes,
    /// etcd's server.
    Etcd,
    /// The Helm of the image.
    Helm,
    /// The last Helm 3.
    Helm3,
    /// A client of registries.
    Crane,
    /// Another.
    Oras,
    /// What tests registries.
    OciConformance,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Program::Kubernetes | Program::NewestKubernetes => "KUBERNETES",
            Program::OldestKubernetes => "KUBERNETES_OLDEST",
            Program::Etcd => "ETCD",
            Program::Helm => "HELM",
            Program::Helm3 => "HELM_3",
            Program::Crane => "CRANE",
            Program::Oras => "ORAS",
            Program::OciConformance => "OCI_CONFORMANCE",
        }
    }
}

/// Its version, such as `1.37.2`.
#[track_caller]
pub fn version(program: Program) -> String {
    let name = program.name();
    // the others are what they are: a HELM in somebody's environment means something else
    if let Program::Kubernetes = program
        && let Ok(version) = std::env::var(name)
        && !version.is_empty()
    {
        return version;
    }
    let line = VERSIONS
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("tests/tools/versions has no {name}"))
        .to_owned()
}

/// The minor version of this run's Kubernetes: 37 of `1.37.2`.
#[track_caller]
pub fn kubernetes_minor() -> u32 {
    let version = version(Program::Kubernetes);
    let minor = version
        .split('.')
        .nth(1)
        .and_then(|minor| minor.parse().ok());
    minor.unwrap_or_else(|| panic!("{version:?} is no version of Kubernetes"))
}
