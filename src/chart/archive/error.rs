//! Why a package is refused: one variant a refusal, in the words of Helm's loader where it has words for it.

use crate::chart::metadata::MetadataError;
use crate::yaml::YamlError;

/// Why a package does not open. Displayed texts are those of docs/chartmuseum.md 6.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Nothing at all.
    #[error("EOF")]
    Empty,
    /// The bytes end before the tar does.
    #[error("unexpected EOF")]
    Truncated,
    /// The bytes do not start as gzip does.
    #[error("gzip: invalid header")]
    NotGzip,
    /// The compressed stream breaks its own rules, or its checksum is wrong and the tar goes on behind it.
    #[error("flate: corrupt input: {0}")]
    Corrupt(String),
    /// A tar header that is not one: wrong checksum, a size that is no size, a single block of zeros.
    #[error("archive/tar: invalid tar header")]
    TarHeader,
    /// A long name or an extended header above the bound that Go's tar reader has, too.
    #[error("archive/tar: header field too long")]
    HeaderTooLong,
    /// An entry with holes: a block of 512 bytes can claim terabytes of zeros.
    #[error("archive/tar: sparse file {0:?} is not supported")]
    Sparse(String),
    /// An extended header gives an entry another size than its tar header, or a link claims a body: two readers would
    /// see two archives.
    #[error("archive/tar: two sizes for {0:?}")]
    TwoSizes(String),
    /// A tar without a single file.
    #[error("no files in chart archive")]
    NoFiles,
    /// A file that is not inside a top-level directory.
    #[error("chart illegally contains content outside the base directory: {0:?}")]
    OutsideBaseDirectory(String),
    /// `dir//etc/passwd`.
    #[error("chart illegally contains absolute paths")]
    AbsolutePath,
    /// `dir/../../etc/passwd`. As in Helm, a name that merely begins with two dots counts, too.
    #[error("chart illegally references parent directory")]
    ParentDirectory,
    /// `dir/c:/windows`.
    #[error("chart contains illegally named files")]
    DrivePath,
    /// A top-level *directory* called `Chart.yaml`.
    #[error("chart yaml not in base directory")]
    ChartYamlDirectory,
    /// A path longer than any file system takes.
    #[error("path of {0} bytes in chart archive is too long")]
    PathTooLong(usize),
    /// A zip bomb made of many files, or of archives inside archives: they share this one bound.
    #[error("decompressed chart is larger than the maximum file size {0}")]
    TotalTooLarge(u64),
    /// A zip bomb made of one file.
    #[error("decompressed chart file {name:?} is larger than the maximum file size {limit}")]
    #[expect(missing_docs, reason = "the text says what they are")]
    FileTooLarge { name: String, limit: u64 },
    /// A bomb of empty entries, which cost no bytes but time.
    #[error("chart archive has more than {0} entries")]
    TooManyEntries(usize),
    /// Archives in archives (or `charts/` in `charts/`) without end.
    #[error("subcharts are nested more than {0} levels deep")]
    TooDeep(usize),
    /// Metadata that would fill the index, or thousands of subcharts.
    #[error("metadata of the chart and its subcharts is larger than the maximum size {0}")]
    MetadataTooLarge(u64),
    /// Values that would keep the parser busy for seconds.
    #[error("values and locks of the chart and its subcharts are larger than the maximum size {0}")]
    YamlTooLarge(u64),
    /// More templates than one answer should hold in memory.
    #[error("templates of the chart are larger than the maximum size {0}")]
    TemplatesTooLarge(u64),
    /// No `Chart.yaml`.
    #[error("Chart.yaml file is missing")]
    MissingChartYaml,
    /// One of the chart's own YAML files does not load.
    #[error("cannot load {file}: {reason}")]
    #[expect(missing_docs, reason = "the text says what they are")]
    File {
        file: &'static str,
        #[source]
        reason: FileError,
    },
    /// `Chart.yaml` loads but breaks a rule.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A chart under `charts/` is refused.
    #[error("error unpacking subchart {name} in {parent}: {reason}")]
    #[expect(missing_docs, reason = "the text says what they are")]
    Subchart {
        name: String,
        parent: String,
        #[source]
        reason: Box<ArchiveError>,
    },
    /// `charts/x.tgz` is a directory.
    #[error("error unpacking subchart tar in {parent}: expected {name}, got {got}")]
    #[expect(missing_docs, reason = "the text says what they are")]
    SubchartIsDirectory {
        name: String,
        parent: String,
        got: String,
    },
}

/// Why one of a chart's own YAML files does not load.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not YAML, or costs too much to read.
    #[error("error converting YAML to JSON: {0}")]
    Yaml(#[from] YamlError),
    /// A field holds what its type cannot take.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// It is YAML, but not a mapping.
    #[error("error unmarshaling JSON: while decoding JSON: json: the document is not a mapping")]
    NotMapping,
}

impl ArchiveError {
    /// True if a bound that the whole package shares is used up: reading on, even past a bad subchart, is of no use.
    pub(super) fn is_exhausted(&self) -> bool {
        matches!(
            self,
            Self::TotalTooLarge(_)
                | Self::TooManyEntries(_)
                | Self::TooDeep(_)
                | Self::MetadataTooLarge(_)
                | Self::YamlTooLarge(_)
        )
    }
}
