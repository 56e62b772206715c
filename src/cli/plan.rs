//! `chartroom plan`: what Component manifests would install, and in which order.

use std::path::PathBuf;
use std::{env, io};

use anyhow::bail;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::cli::{Invocation, block_on, names, print, style_of};
use crate::config::options;
use crate::plan::{self, PlanArguments, PlanOutput};

/// How large an index may be.
const INDEX_SIZE: &str = "helm-index-max-size";

pub fn command() -> Command {
    Command::new(names::PLAN)
        .about(
            "print in which order Component manifests install, with versions, what is added and what is in the way; \
             needs no cluster",
        )
        .args_override_self(true)
        .args(sources())
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FORMAT")
                .default_value("text")
                .value_parser(PossibleValuesParser::new(["text", "json"]))
                .help("how to print the plan"),
        )
}

/// What says where manifests and charts are.
pub fn sources() -> [Arg; 6] {
    let directories = |name: &'static str| {
        let directories = Arg::new(name).long(name).value_name("DIR");
        directories
            .action(ArgAction::Append)
            .value_parser(value_parser!(PathBuf))
    };
    // the controller's option, of which a plan knows the flag and the variable
    let index_size = options::find(INDEX_SIZE).expect("the table has it");
    let of_environment = env::var(index_size.env)
        .ok()
        .filter(|text| !text.is_empty());
    let most = of_environment.unwrap_or_else(|| index_size.default.to_owned());
    [
        Arg::new("files")
            .value_name("FILE")
            .required(true)
            .num_args(1..)
            .value_parser(value_parser!(PathBuf))
            .help("a manifest or a directory of them; - is standard input"),
        directories("builtin-charts").help(
            "take charts from a directory of chart directories and packages; may be repeated",
        ),
        directories("storage-local-rootdir")
            .help("take charts from a directory of uploads; may be repeated"),
        Arg::new("repository")
            .long("repository")
            .value_name("URL")
            .action(ArgAction::Append)
            .value_parser(NonEmptyStringValueParser::new())
            .help("take charts from the repository at this address (http); may be repeated"),
        Arg::new(INDEX_SIZE)
            .long(INDEX_SIZE)
            .value_name("BYTES")
            .default_value(most)
            .value_parser(value_parser!(u64))
            .help("bytes of a repository's index that are read at most; also HELM_INDEX_MAX_SIZE"),
        Arg::new("namespace")
            .short('n')
            .long("namespace")
            .value_name("NAME")
            .default_value("default")
            .value_parser(NonEmptyStringValueParser::new())
            .help("the namespace of Components that name none"),
    ]
}

pub fn read(matches: &ArgMatches) -> Invocation {
    let output = matches.get_one::<String>("output");
    Invocation::Plan(PlanArguments {
        output: match output.is_some_and(|output| output == "json") {
            true => PlanOutput::Json,
            false => PlanOutput::Text,
        },
        ..arguments(matches)
    })
}

/// What [`sources`] was told.
pub fn arguments(matches: &ArgMatches) -> PlanArguments {
    fn all<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Vec<T> {
        matches
            .get_many(name)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
    PlanArguments {
        files: all(matches, "files"),
        builtin_charts: all(matches, "builtin-charts"),
        storage: all(matches, "storage-local-rootdir"),
        repositories: all(matches, "repository"),
        helm_index_max_size: matches
            .get_one(INDEX_SIZE)
            .copied()
            .expect("it has a default"),
        namespace: matches
            .get_one("namespace")
            .cloned()
            .expect("it has a default"),
        output: PlanOutput::Text,
    }
}

pub fn run(arguments: &PlanArguments) -> anyhow::Result<()> {
    let planned = block_on(async { Ok(plan::run(arguments).await?) })?;
    let style = style_of(&io::stdout());
    print(&plan::render(&planned, arguments.output, style))?;
    match planned.problems.len() {
        0 => Ok(()),
        1 => bail!("the plan does not work: there is a problem, see above"),
        count => bail!("the plan does not work: there are {count} problems, see above"),
    }
}
