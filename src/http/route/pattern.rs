//! The route table: segments of a path against the shapes of contract section 1.2.

use super::{Depth, Route, Verb};
use crate::repository::key::Tenant;

/// Paths under `/api/` that end so belong to a tenant called `api`, if they fit it (contract section 1.3, step 3).
const CONTENT_SUFFIXES: [&str; 3] = [".yaml", ".tgz", ".prov"];

/// Finds the route of a path that starts with `/`, given whole and split behind that slash.
pub(super) fn find(verb: Verb, path: &str, segments: &[&str], depth: Depth) -> Option<Route> {
    let below_api = match segments {
        ["api", below @ ..] if !below.is_empty() => Some(below),
        _ => None,
    };
    let Some(below_api) = below_api else {
        return content(verb, segments, depth);
    };
    let like_content = CONTENT_SUFFIXES.iter().any(|suffix| path.ends_with(suffix));
    let content = like_content
        .then(|| file_of_chart(verb, below_api, depth).or_else(|| content(verb, segments, depth)));
    content.flatten().or_else(|| api(verb, below_api, depth))
}

/// Everything but the API.
fn content(verb: Verb, segments: &[&str], depth: Depth) -> Option<Route> {
    if verb != Verb::Get {
        return None;
    }
    let (tenant, rest) = match depth {
        Depth::Fixed(depth) => segments.split_at_checked(depth)?,
        Depth::Dynamic => match segments {
            [
                tenant @ ..,
                "info" | "health" | "index.yaml" | "artifacthub-repo.yml",
            ] => segments.split_at(tenant.len()),
            [tenant @ .., "charts", _] => segments.split_at(tenant.len()),
            _ => return None,
        },
    };
    let named = Tenant::from_segments(tenant.iter().copied())?;
    match rest {
        [] | [""] if is_tenant_root(tenant) => Some(Route::Welcome { tenant: named }),
        ["info"] => Some(Route::Info),
        ["health"] => Some(Route::Health),
        ["index.yaml"] => Some(Route::Index { tenant: named }),
        ["charts", file] if !file.is_empty() => Some(Route::Download {
            tenant: named,
            file_name: (*file).to_owned(),
        }),
        ["artifacthub-repo.yml"] => Some(Route::ArtifactHub { tenant: named }),
        _ => None,
    }
}

/// False for a path that has as many segments as a tenant but was hardly meant as one: whoever forgets the tenant in
/// `/index.yaml` must not get a page of HTML with status 200.
fn is_tenant_root(tenant: &[&str]) -> bool {
    tenant
        .last()
        .is_some_and(|last| !last.contains('.') && !["api", "charts", "prov"].contains(last))
}

/// The routes below `/api/`.
fn api(verb: Verb, segments: &[&str], depth: Depth) -> Option<Route> {
    if verb == Verb::Options {
        let any = [Verb::Get, Verb::Post, Verb::Delete]
            .iter()
            .any(|verb| api(*verb, segments, depth).is_some());
        return any.then_some(Route::Preflight);
    }
    if let Some(route) = file_of_chart(verb, segments, depth) {
        return Some(route);
    }
    let (tenant, rest) = match depth {
        Depth::Fixed(depth) => segments.split_at_checked(depth)?,
        Depth::Dynamic => segments.split_at(dynamic_api_depth(segments)?),
    };
    let tenant = Tenant::from_segments(tenant.iter().copied())?;
    let owned = |text: &str| text.to_owned();
    match (verb, rest) {
        (Verb::Get, ["charts"]) => Some(Route::ListCharts { tenant }),
        (Verb::Post, ["charts"]) => Some(Route::UploadChart { tenant }),
        (Verb::Post, ["prov"]) => Some(Route::UploadProvenance { tenant }),
        (_, ["charts", "", ..]) => None,
        (Verb::Get, ["charts", name]) => Some(Route::GetChart {
            tenant,
            name: owned(name),
        }),
        (Verb::Get, ["charts", name, version]) => Some(Route::GetVersion {
            tenant,
            name: owned(name),
            version: owned(version),
        }),
        (_, ["charts", _, "", ..]) => None,
        (Verb::Get, ["charts", name, version, "templates"]) => Some(Route::Templates {
            tenant,
            name: owned(name),
            version: owned(version),
        }),
        (Verb::Get, ["charts", name, version, "values"]) => Some(Route::Values {
            tenant,
            name: owned(name),
            version: owned(version),
        }),
        (Verb::Delete, ["charts", name]) => Some(Route::DeleteChart {
            tenant,
            name: owned(name),
        }),
        (Verb::Delete, ["charts", name, version]) => Some(Route::DeleteVersion {
            tenant,
            name: owned(name),
            version: owned(version),
        }),
        _ => None,
    }
}

/// `{tenant}/charts/{name}/{version}/files/{path…}`. With a dynamic depth the first `charts` that fits ends the tenant,
/// and this comes before all other routes: a file may well be called `index.yaml`.
fn file_of_chart(verb: Verb, segments: &[&str], depth: Depth) -> Option<Route> {
    let fits = |at: usize| matches!(segments.get(at..), Some(["charts", name, version, "files", _, ..]) if !name.is_empty() && !version.is_empty());
    let at = match depth {
        Depth::Fixed(depth) => fits(depth).then_some(depth)?,
        Depth::Dynamic => (0..segments.len()).find(|at| fits(*at))?,
    };
    let path = segments.get(at + 4..)?;
    if verb != Verb::Get
        || path
            .iter()
            .any(|segment| matches!(*segment, "" | "." | ".."))
    {
        return None;
    }
    Some(Route::File {
        tenant: Tenant::from_segments(segments[..at].iter().copied())?,
        name: segments[at + 1].to_owned(),
        version: segments[at + 2].to_owned(),
        path: path.join("/"),
    })
}

/// How many segments name the tenant, in the contract's order of patterns and whatever the method (section 1.3.1). One
/// deviation: the version may be empty, so that `…/charts/x/` means `latest` here too.
fn dynamic_api_depth(segments: &[&str]) -> Option<usize> {
    let charts_at = |from_end: usize| {
        let at = segments.len().checked_sub(from_end)?;
        (segments[at] == "charts").then_some(at)
    };
    let last = *segments.last()?;
    charts_at(1)
        .or_else(|| charts_at(2).filter(|_| !last.is_empty()))
        .or_else(|| charts_at(3))
        .or_else(|| charts_at(4).filter(|_| matches!(last, "templates" | "values")))
        .or_else(|| (last == "prov").then(|| segments.len() - 1))
}
