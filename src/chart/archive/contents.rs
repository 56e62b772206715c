//! What a chart consists of as far as opening it is concerned: its metadata, whether its YAML files are sound, and its
//! subcharts. Files come in archive order and are judged in Helm's order.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

use super::budget::Budget;
use super::error::{ArchiveError, FileError};
use super::tarball::refusal;
use super::{FileVisitor, each_file, without_bom};
use crate::chart::metadata::Metadata;
use crate::yaml::{self, YamlError};

/// A chart of a hundred dependencies has about a thousand nodes, and its tree is kept for a while.
const METADATA_YAML: yaml::Limits = yaml::Limits {
    nodes: 20_000,
    depth: 100,
};
/// As the values are shown ([`Limits::yaml`](super::Limits::yaml) bounds the time of all together): what passes here must
/// not fail there.
const CHECKED_YAML: yaml::Limits = yaml::Limits {
    nodes: 200_000,
    depth: 100,
};
/// What a subchart, or a file of metadata, costs besides its bytes: room for what is kept of it, and a bound on how many
/// tiny files may each unfold to [`METADATA_YAML`] nodes.
const FIXED_COST: u64 = 1024;

/// A chart as its files come in: the one of the package, or one under `charts/`.
#[derive(Default)]
pub(super) struct Contents {
    /// `None` as long as neither `Chart.yaml` nor `requirements.yaml` came.
    metadata: Option<Box<Metadata>>,
    /// Every `requirements.yaml`: they are laid over every `Chart.yaml`, also one that comes later.
    requirements: Vec<Vec<u8>>,
    /// The first `Chart.yaml` that does not load. Helm reads these before anything else.
    chart_yaml_fault: Option<Box<ArchiveError>>,
    /// The first other file that does not load.
    file_fault: Option<Box<ArchiveError>>,
    subcharts: BTreeMap<String, Subchart>,
}

enum Subchart {
    Directory(Contents),
    /// An archive is judged while it streams past and not kept.
    Archive(Option<ArchiveError>),
    /// A directory that is called like an archive; with the path of its first file.
    DirectoryAsArchive(String),
}

/// Reads the package (or the archive of a subchart) in `compressed`; `depth` counts the charts around it.
pub(super) fn read(
    compressed: &mut dyn BufRead,
    budget: &mut Budget,
    depth: usize,
) -> Result<Contents, ArchiveError> {
    let mut reading = Reading {
        root: Contents::default(),
        depth,
        buffer: Vec::new(),
    };
    each_file(compressed, budget, &mut reading)?;
    Ok(reading.root)
}

struct Reading {
    root: Contents,
    depth: usize,
    buffer: Vec<u8>,
}

impl FileVisitor for Reading {
    fn file(
        &mut self,
        path: &str,
        size: u64,
        body: &mut dyn Read,
        budget: &mut Budget,
    ) -> Result<(), ArchiveError> {
        let mut file = IncomingFile {
            size,
            body,
            budget,
            buffer: &mut self.buffer,
        };
        self.root.insert(path, self.depth, &mut file)
    }
}

/// A file of the archive that nobody has read yet.
struct IncomingFile<'a> {
    size: u64,
    body: &'a mut dyn Read,
    budget: &'a mut Budget,
    buffer: &'a mut Vec<u8>,
}

impl IncomingFile<'_> {
    /// The file's bytes. Fails only if the archive does; its size has been checked.
    fn bytes(&mut self) -> Result<&[u8], ArchiveError> {
        self.buffer.clear();
        self.body.read_to_end(self.buffer).map_err(refusal)?;
        Ok(without_bom(self.buffer))
    }
}

impl Contents {
    /// Takes in one file. An error is one of the archive as a whole; faults of a single file are kept for
    /// [`finish`](Self::finish), which judges in Helm's order.
    fn insert(
        &mut self,
        path: &str,
        depth: usize,
        file: &mut IncomingFile<'_>,
    ) -> Result<(), ArchiveError> {
        match path {
            "Chart.yaml" => {
                file.budget.take_metadata(file.size + FIXED_COST)?;
                let metadata = self.metadata.get_or_insert_default();
                if let Err(reason) = merge(metadata, file.bytes()?) {
                    keep_first(&mut self.chart_yaml_fault, "Chart.yaml", reason);
                }
            }
            "requirements.yaml" => {
                file.budget.take_metadata(file.size + FIXED_COST)?;
                self.metadata.get_or_insert_default();
                self.requirements.push(file.bytes()?.to_vec());
            }
            "values.yaml" => self.check("values.yaml", yaml::are_values, file)?,
            "Chart.lock" => self.check("Chart.lock", yaml::is_mapping, file)?,
            "requirements.lock" => self.check("requirements.lock", yaml::is_mapping, file)?,
            path => {
                if let Some(path) = path
                    .strip_prefix("charts/")
                    .filter(|path| !path.ends_with(".prov"))
                {
                    self.insert_into_subchart(path, depth + 1, file)?;
                }
            }
        }
        Ok(())
    }

    /// Takes in a file under `charts/`. As in Helm, a stray `charts/README.md` counts as a chart that lacks its
    /// `Chart.yaml`, while names that start with `_` or `.` are passed over.
    fn insert_into_subchart(
        &mut self,
        path: &str,
        depth: usize,
        file: &mut IncomingFile<'_>,
    ) -> Result<(), ArchiveError> {
        let (name, rest) = path
            .split_once('/')
            .map_or((path, None), |(name, rest)| (name, Some(rest)));
        if name.starts_with(['_', '.']) {
            return Ok(());
        }
        file.budget.check_nesting(depth)?;
        if !self.subcharts.contains_key(name) {
            file.budget.take_metadata(path.len() as u64 + FIXED_COST)?;
            let subchart = match rest {
                _ if !name.ends_with(".tgz") => Subchart::Directory(Self::default()),
                None => Subchart::Archive(open_subchart(depth, file)?),
                Some(_) => Subchart::DirectoryAsArchive(path.to_owned()),
            };
            self.subcharts.insert(name.to_owned(), subchart);
        }
        match (self.subcharts.get_mut(name), rest) {
            (Some(Subchart::Directory(subchart)), Some(rest)) => subchart.insert(rest, depth, file),
            _ => Ok(()),
        }
    }

    /// Sees whether a file of which nothing is kept is sound. The first fault is the one that will be told, so what
    /// comes after it need not be parsed.
    fn check(
        &mut self,
        name: &'static str,
        is_sound: fn(&[u8], yaml::Limits) -> Result<bool, YamlError>,
        file: &mut IncomingFile<'_>,
    ) -> Result<(), ArchiveError> {
        if self.file_fault.is_some() {
            return Ok(());
        }
        file.budget.take_yaml(file.size)?;
        let reason = match is_sound(file.bytes()?, CHECKED_YAML) {
            Ok(true) => return Ok(()),
            Ok(false) => FileError::NotMapping,
            Err(error) => error.into(),
        };
        keep_first(&mut self.file_fault, name, reason);
        Ok(())
    }

    /// The chart's metadata, sanitised and valid, if everything about the chart is.
    pub(super) fn finish(self) -> Result<Metadata, ArchiveError> {
        let Self {
            mut metadata,
            requirements,
            chart_yaml_fault,
            mut file_fault,
            subcharts,
        } = self;
        if let Some(fault) = chart_yaml_fault {
            return Err(*fault);
        }
        for text in requirements {
            if let Err(reason) = merge(metadata.get_or_insert_default(), &text) {
                keep_first(&mut file_fault, "requirements.yaml", reason);
            }
        }
        if let Some(fault) = file_fault {
            return Err(*fault);
        }
        let mut metadata = *metadata.ok_or(ArchiveError::MissingChartYaml)?;
        metadata.sanitize_and_validate()?;
        for (name, subchart) in subcharts {
            let refused = match subchart {
                Subchart::Directory(contents) => contents.finish().err(),
                Subchart::Archive(refused) => refused,
                Subchart::DirectoryAsArchive(got) => {
                    return Err(ArchiveError::SubchartIsDirectory {
                        name,
                        parent: metadata.name,
                        got,
                    });
                }
            };
            if let Some(reason) = refused {
                return Err(ArchiveError::Subchart {
                    name,
                    parent: metadata.name,
                    reason: Box::new(reason),
                });
            }
        }
        Ok(metadata)
    }
}

/// Opens the archive of a subchart while it streams past; the refusal, if it is refused. The error is for what ends
/// the reading of the whole package.
fn open_subchart(
    depth: usize,
    file: &mut IncomingFile<'_>,
) -> Result<Option<ArchiveError>, ArchiveError> {
    let mut compressed = BufReader::new(&mut *file.body);
    match read(&mut compressed, file.budget, depth).and_then(Contents::finish) {
        Ok(_) => Ok(None),
        Err(error) if error.is_exhausted() => Err(error),
        Err(error) => Ok(Some(error)),
    }
}

pub(super) fn merge(metadata: &mut Metadata, text: &[u8]) -> Result<(), FileError> {
    metadata.merge(&yaml::parse(text, METADATA_YAML)?)?;
    Ok(())
}

fn keep_first(fault: &mut Option<Box<ArchiveError>>, file: &'static str, reason: FileError) {
    fault.get_or_insert_with(|| Box::new(ArchiveError::File { file, reason }));
}
