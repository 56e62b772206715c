//! The commands by name.

pub const SERVE: &str = "serve";
pub const CONTROLLER: &str = "controller";
pub const PACKAGE: &str = "package";
pub const PLAN: &str = "plan";
pub const IMAGES: &str = "images";
pub const CRD: &str = "crd";
pub const TEARDOWN: &str = "teardown";
pub const GC: &str = "gc";
pub const COMPLETION: &str = "completion";
pub const HELP: &str = "help";
pub const VERSION: &str = "version";

/// The commands, in the order in which they are listed.
pub const COMMANDS: [&str; 11] = [
    SERVE, CONTROLLER, PACKAGE, PLAN, IMAGES, CRD, TEARDOWN, GC, COMPLETION, HELP, VERSION,
];

/// The command of this name.
pub fn command_named(name: &str) -> Option<&'static str> {
    COMMANDS.into_iter().find(|known| *known == name)
}
