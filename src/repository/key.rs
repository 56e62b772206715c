//! The names of stored objects and their tenants.

use std::fmt;

use object_store::path::Path;

/// The index cache's name in a tenant's directory. It does not count as a chart.
pub const CACHE_FILE_NAME: &str = ".chartroom-index";

/// ChartMuseum's name for the rendered index that it keeps beside the packages (docs/chartmuseum.md 7.4). It is written
/// for sites that publish it, and never read.
pub const STATEFILE_NAME: &str = "index-cache.yaml";

/// What the names of this program's own files in the storage begin with, besides [`STATEFILE_NAME`].
pub const OWN_PREFIX: &str = ".chartroom-";

/// What a file is called while it waits for its commit; see [`commit`](super::commit).
pub const STAGED_PREFIX: &str = ".chartroom-staged-";

/// What the record of a commit is called.
pub const COMMIT_PREFIX: &str = ".chartroom-commit-";

/// The file that a server holds locked in its storage directory.
pub const LOCK_FILE_NAME: &str = ".chartroom-lock";

/// The directory beside the packages that is the registry's: no tenant, and nothing of it a package.
pub const REGISTRY_DIRECTORY: &str = ".oci";

/// True for a name that stays in its directory and on its line: not empty, not `.` or `..`, no separator of any system,
/// no control character.
pub fn is_plain_file_name(name: &str) -> bool {
    !name.is_empty()
        && name != "."
        && name != ".."
        && !name.contains(|c: char| c == '/' || c == '\\' || c.is_control())
}

/// The tenant of a multitenant repository: zero or more path segments. The root tenant has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(String);

impl Tenant {
    /// The tenant without segments.
    pub fn root() -> Self {
        Self::default()
    }

    /// True for `directory` itself and every tenant below it.
    pub fn is_within(&self, directory: &Self) -> bool {
        let rest = self.0.strip_prefix(&directory.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || directory.is_root())
    }

    /// Joins segments; `None` if one of them is not allowed. Empty ones, `.`, `..` and those with separators or control
    /// characters would leave the tenant's own directory (docs/chartmuseum.md 15.1).
    pub fn from_segments<'a>(segments: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut joined = String::new();
        for segment in segments {
            let is_file = FileKind::of(segment).is_some()
                || segment == STATEFILE_NAME
                || segment == REGISTRY_DIRECTORY
                || segment.starts_with(OWN_PREFIX);
            if is_file || !is_plain_file_name(segment) {
                return None;
            }
            if !joined.is_empty() {
                joined.push('/');
            }
            joined.push_str(segment);
        }
        Some(Self(joined))
    }

    /// Reads `a/b`; the empty text is the root. `None` if a segment is not allowed.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            Some(Self::root())
        } else {
            Self::from_segments(text.split('/'))
        }
    }

    /// The segments joined by `/`, empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for the tenant without segments.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of segments.
    pub fn depth(&self) -> usize {
        if self.is_root() {
            0
        } else {
            self.0.split('/').count()
        }
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kinds of files in a repository, by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `….tgz`
    Package,
    /// `….tgz.prov`
    Provenance,
}

impl FileKind {
    /// The kind of a name, by its ending.
    pub fn of(file_name: &str) -> Option<Self> {
        if file_name.ends_with(".tgz") {
            Some(Self::Package)
        } else if file_name.ends_with(".tgz.prov") {
            Some(Self::Provenance)
        } else {
            None
        }
    }

    /// The media type, as in ChartMuseum (docs/chartmuseum.md 3.2).
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Package => "application/x-tar",
            Self::Provenance => "application/pgp-signature",
        }
    }
}

/// One object of a tenant; its name is a plain file name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    tenant: Tenant,
    file_name: String,
}

impl ObjectKey {
    /// The object called `file_name`; `None` if that is not a plain file name.
    pub fn new(tenant: &Tenant, file_name: &str) -> Option<Self> {
        is_plain_file_name(file_name).then(|| Self {
            tenant: tenant.clone(),
            file_name: file_name.to_owned(),
        })
    }

    /// The object at this path: tenant and file name as [`Display`](fmt::Display) writes them.
    pub fn parse(path: &str) -> Option<Self> {
        let (tenant, file_name) = path.rsplit_once('/').unwrap_or(("", path));
        Self::new(&Tenant::parse(tenant)?, file_name)
    }

    /// The provenance file that belongs to this package.
    pub fn provenance(&self) -> Self {
        Self {
            tenant: self.tenant.clone(),
            file_name: format!("{}.prov", self.file_name),
        }
    }

    /// Its tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Its name inside the tenant.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Where the store keeps it. The name is kept as it is, without percent-encoding, as ChartMuseum stores it.
    pub fn path(&self) -> Path {
        let joined = if self.tenant.is_root() {
            self.file_name.clone()
        } else {
            format!("{}/{}", self.tenant, self.file_name)
        };
        Path::parse(joined)
            .expect("tenant segments and file name are free of separators and control characters")
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tenant.is_root() {
            f.write_str(&self.file_name)
        } else {
            write!(f, "{}/{}", self.tenant, self.file_name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_cannot_leave_its_directory() {
        for segment in [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "a\0",
            "a\nb",
            "a-1.0.0.tgz",
            "index-cache.yaml",
            ".oci",
        ] {
            assert_eq!(Tenant::from_segments(["org", segment]), None, "{segment:?}");
        }
        let tenant = Tenant::from_segments(["org", "team"]).unwrap();
        assert_eq!((tenant.as_str(), tenant.depth()), ("org/team", 2));
        assert_eq!(Tenant::root().depth(), 0);
    }

    #[test]
    fn a_tenant_is_within_itself_and_those_above() {
        let tenant = |text| Tenant::parse(text).unwrap();
        for (inner, outer, expected) in [
            ("org/team", "org", true),
            ("org", "org", true),
            ("org", "", true),
            ("", "", true),
            ("organ", "org", false),
            ("org", "org/team", false),
        ] {
            assert_eq!(
                tenant(inner).is_within(&tenant(outer)),
                expected,
                "{inner} in {outer}"
            );
        }
    }

    #[test]
    fn names_reach_the_store_as_they_are() {
        let tenant = Tenant::from_segments(["org"]).unwrap();
        for name in [
            "a b-1.0.0.tgz",
            "a%20b-1.tgz",
            "ü-1.0.0+build.tgz",
            "a?*-1.tgz",
            "a~[1]-1.tgz",
        ] {
            assert_eq!(
                ObjectKey::new(&tenant, name).unwrap().path().as_ref(),
                format!("org/{name}")
            );
        }
        assert_eq!(ObjectKey::new(&tenant, "../a-1.tgz"), None);
    }

    #[test]
    fn the_kind_needs_the_dot() {
        assert_eq!(FileKind::of("a-1.tgz"), Some(FileKind::Package));
        assert_eq!(FileKind::of("a-1.tgz.prov"), Some(FileKind::Provenance));
        for name in ["footgz", "a-1.bad", "index-cache.yaml", "a-1.prov"] {
            assert_eq!(FileKind::of(name), None, "{name}");
        }
    }
}
