//! Which repository of the one view is which chart of the other.

use crate::config::Depth;
use crate::oci::name::RepositoryName;
use crate::repository::key::Tenant;

/// The component that may stand between a tenant and its charts, as it does in the URLs of packages: `helm push …
/// oci://site/charts` means the charts of the root tenant.
const FOLDER: &str = "charts";

/// Where a repository's charts are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coordinates {
    /// The tenant whose index it is.
    pub tenant: Tenant,
    /// The chart's name.
    pub chart: String,
}

/// The chart that a repository is; `None` if, at this depth of tenants, it is that of none.
pub fn of(name: &RepositoryName, depth: Depth) -> Option<Coordinates> {
    let (prefix, chart) = name
        .as_str()
        .rsplit_once('/')
        .unwrap_or(("", name.as_str()));
    let segments: Vec<&str> = prefix
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let tenant = match (depth, &*segments) {
        (Depth::Fixed(depth), all) if all.len() == depth => all,
        (Depth::Fixed(depth), [tenant @ .., FOLDER]) if tenant.len() == depth => tenant,
        (Depth::Fixed(_), _) => return None,
        (Depth::Dynamic, [tenant @ .., FOLDER]) => tenant,
        (Depth::Dynamic, all) => all,
    };
    Some(Coordinates {
        tenant: Tenant::from_segments(tenant.iter().copied())?,
        chart: chart.to_owned(),
    })
}

/// The repository that a chart is listed as; `None` if its name or its tenant's can be part of none.
pub fn repository(tenant: &Tenant, chart: &str) -> Option<RepositoryName> {
    if tenant.is_root() {
        RepositoryName::parse(chart)
    } else {
        RepositoryName::parse(&format!("{tenant}/{chart}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(depth: Depth, name: &str) -> Option<(String, String)> {
        let found = of(&RepositoryName::parse(name).unwrap(), depth)?;
        Some((found.tenant.to_string(), found.chart))
    }

    #[test]
    fn a_repository_is_a_tenant_and_a_chart() {
        let some = |tenant: &str, chart: &str| Some((tenant.to_owned(), chart.to_owned()));
        let fixed = Depth::Fixed;
        for (depth, name, expected) in [
            (fixed(0), "app", some("", "app")),
            (fixed(0), "charts/app", some("", "app")),
            (fixed(0), "team/app", None),
            (fixed(0), "charts/charts/app", None),
            (fixed(1), "app", None),
            (fixed(1), "team/app", some("team", "app")),
            (fixed(1), "charts/app", some("charts", "app")),
            (fixed(1), "team/charts/app", some("team", "app")),
            (fixed(1), "team/more/app", None),
            (fixed(2), "a/b/app", some("a/b", "app")),
            (Depth::Dynamic, "app", some("", "app")),
            (Depth::Dynamic, "charts/app", some("", "app")),
            (Depth::Dynamic, "a/b/app", some("a/b", "app")),
            (Depth::Dynamic, "a/b/charts/app", some("a/b", "app")),
        ] {
            assert_eq!(at(depth, name), expected, "{name} at {depth:?}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_served_as_a_chart_alone() {
        let name = |tenant: &str, chart| {
            repository(&Tenant::parse(tenant).unwrap(), chart).map(|name| name.to_string())
        };
        assert_eq!(name("", "app"), Some("app".to_owned()));
        assert_eq!(name("a/b", "app"), Some("a/b/app".to_owned()));
        assert_eq!(name("Team", "app"), None);
        assert_eq!(name("", "App"), None);
    }
}
