//! `helm template`: what a chart would install, without a cluster.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::child::OUTPUT;
use super::{Ending, Helm, HelmError, HelmSettings, child, failure};

/// How long one chart may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// A chart and what it is rendered with.
#[derive(Debug)]
pub struct Rendering<'a> {
    /// The chart's package, an absolute path.
    pub package: &'a Path,
    /// The values, a JSON object.
    pub values: Vec<u8>,
    /// The release's name.
    pub release: &'a str,
    /// The release's namespace.
    pub namespace: &'a str,
    /// Whether the chart's schema is left out.
    pub skip_schema_validation: bool,
    /// A directory that is there: the manifests go below it, a file for each template.
    pub out: &'a Path,
}

impl Helm {
    /// Helm for what needs no cluster and no limits; it keeps its files in `home`.
    pub fn for_questions(binary: PathBuf, home: PathBuf) -> Helm {
        Helm::new(HelmSettings {
            binary,
            home,
            environment: Vec::new(),
            grace: DEADLINE,
            memory_limit: None,
            gogc: None,
            launcher: None,
        })
    }

    /// Renders a chart, hooks and all but its tests.
    ///
    /// # Errors
    /// Helm does not start, or the chart does not render with these values.
    pub async fn render(&self, rendering: &Rendering<'_>) -> Result<(), HelmError> {
        let mut arguments: Vec<OsString> = ["template", rendering.release].map(Into::into).into();
        arguments.push(rendering.package.into());
        arguments.extend(["--skip-tests", "--values=-", "--output-dir"].map(OsString::from));
        arguments.push(rendering.out.into());
        arguments.push(format!("--namespace={}", rendering.namespace).into());
        if rendering.skip_schema_validation {
            arguments.push("--skip-schema-validation".into());
        }
        let mut job = self.job(arguments, Some(rendering.values.clone()), DEADLINE);
        // the names of the files, which nobody needs
        job.keeps_output = Some(OUTPUT);
        let ended = child::run(job, &CancellationToken::new(), |_| ()).await;
        match ended.ending {
            Ending::Succeeded => Ok(()),
            Ending::NotStarted(why) => {
                Err(HelmError::NotStarted(self.settings.binary.clone(), why))
            }
            _ => Err(HelmError::NotRendered(
                rendering.release.to_owned(),
                failure::said(&ended.stderr),
            )),
        }
    }
}
