//! `chartroom images`: each chart of a plan is rendered by Helm, as the controller would have it installed, and what it
//! renders is asked for its images.

use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use crate::component::{Component, ComponentSpec};
use crate::node_key::NodeKey;
use crate::plan::packages::{self, PackageError};
use crate::plan::sources::SourceError;
use crate::plan::{PlanArguments, planned, rendered};
use crate::planner::{PlannedComponent, State};
use crate::release::helm::{self, Helm, HelmError, Rendering};
use crate::yaml::YamlError;

/// Why there is no list of images.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// There is nothing to plan with.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Without charts nothing is rendered.
    #[error(
        "the images are the charts' to say: name charts with --repository, --builtin-charts or --storage-local-rootdir"
    )]
    NoCharts,
    /// Not all can be installed, so the list would lack what the others need.
    #[error("not all of it can be installed ({0}); chartroom plan with the same words says why")]
    Problems(String),
    /// A package cannot be had.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Helm cannot be used, or does not render.
    #[error(transparent)]
    Helm(#[from] HelmError),
    /// What came out cannot be read.
    #[error("what {0} renders cannot be read")]
    Rendered(String, #[source] YamlError),
    /// The disk does not do its part.
    #[error("charts cannot be rendered in {}", .0.display())]
    Workplace(PathBuf, #[source] io::Error),
}

/// The images of all that the plan of `arguments` installs, rendered by the helm called `name`, or the one on `PATH`.
///
/// # Errors
/// The plan does not work, or one of its charts cannot be rendered: a list that lacks something is of no use to who is
/// going where nothing can be fetched.
pub async fn images(
    arguments: &PlanArguments,
    name: Option<&Path>,
) -> Result<BTreeSet<String>, ImagesError> {
    if !arguments.has_charts() {
        return Err(ImagesError::NoCharts);
    }
    let (plan, manifests) = planned(arguments).await?;
    if let Some(problem) = plan.problems.first() {
        return Err(ImagesError::Problems(problem.message.clone()));
    }
    let workplace = Workplace::new()?;
    let binary = helm::find(name, env::var_os("PATH").as_deref())?;
    let helm = Helm::for_questions(binary, workplace.0.join("helm"));
    let mut found = BTreeSet::new();
    for (key, planned) in &plan.components {
        if planned.state != State::Install {
            continue;
        }
        let mut written = manifests.iter().map(|manifest| &manifest.component);
        let is_it = |one: &&Component| {
            let namespace = one.metadata.namespace.as_deref().unwrap_or_default();
            NodeKey::new(namespace, one.name()) == *key
        };
        let written = written.find(is_it);
        let added = || ComponentSpec {
            values: planned.values.clone(),
            ..ComponentSpec::default()
        };
        let component = written.cloned();
        let component = component.unwrap_or_else(|| Component::new(&key.name, added()));
        for file in render(&helm, &workplace, arguments, &component, planned).await? {
            let text = fs::read(&file).map_err(|error| workplace.failed(error))?;
            rendered::add_images(&mut found, &text)
                .map_err(|error| ImagesError::Rendered(planned.chart.clone(), error))?;
        }
    }
    Ok(found)
}

/// The files that a chart's rendering gives.
async fn render(
    helm: &Helm,
    workplace: &Workplace,
    arguments: &PlanArguments,
    component: &Component,
    planned: &PlannedComponent,
) -> Result<Vec<PathBuf>, ImagesError> {
    let version = planned.version.as_deref().unwrap_or_default();
    let bytes = packages::package(arguments, &planned.chart, version).await?;
    let place = workplace.0.join(format!("{}-{version}", component.name()));
    let package = place.join("chart.tgz");
    let out = place.join("rendered");
    let written = fs::create_dir_all(&out).and_then(|()| fs::write(&package, &bytes));
    written.map_err(|error| workplace.failed(error))?;
    helm.render(&Rendering {
        package: &package,
        values: serde_json::to_vec(&component.spec.values).expect("values are JSON"),
        release: component.release_name(),
        namespace: component.target_namespace(),
        skip_schema_validation: component.spec.disable_schema_validation,
        out: &out,
    })
    .await?;
    let mut files = Vec::new();
    files_below(&out, &mut files).map_err(|error| workplace.failed(error))?;
    Ok(files)
}

fn files_below(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// A directory for packages and what they render, which goes with this value.
struct Workplace(PathBuf);

impl Workplace {
    fn new() -> Result<Self, ImagesError> {
        let path = env::temp_dir().join(format!("chartroom-images-{}", process::id()));
        // what is rendered may hold secrets
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) => Err(ImagesError::Workplace(path, error)),
        }
    }

    fn failed(&self, error: io::Error) -> ImagesError {
        ImagesError::Workplace(self.0.clone(), error)
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // what stays there is in the directory for what may go
        let _ = fs::remove_dir_all(&self.0);
    }
}
