//! Where a tenant's name ends: segments of a path against the shapes of docs/chartmuseum.md 2.1.

use std::borrow::Cow;

use http::Method;

use super::{Depth, Split};
use crate::repository::key::Tenant;

/// Paths under `/api/` that end so belong to a tenant called `api`, if they fit it (docs/chartmuseum.md 2.2).
const CONTENT_SUFFIXES: [&str; 3] = [".yaml", ".tgz", ".prov"];

/// Splits a path that starts with `/`, given whole and split behind that slash; `None` if it has no known shape.
pub(super) fn split<'a>(
    method: &Method,
    path: &'a str,
    segments: &[&'a str],
    depth: Depth,
) -> Option<Split<'a>> {
    let below_api = match segments {
        ["api", below @ ..] if !below.is_empty() => below,
        _ => return content(method, path, segments, depth),
    };
    let like_content = CONTENT_SUFFIXES.iter().any(|suffix| path.ends_with(suffix));
    let content = || {
        // a file of a chart may well be called `index.yaml`
        let is_content = like_content && file_of_chart(method, below_api, depth).is_none();
        is_content.then(|| content(method, path, segments, depth))?
    };
    content().or_else(|| api(method, path, below_api, depth))
}

/// Everything but the API, which is only read.
fn content<'a>(
    method: &Method,
    path: &'a str,
    segments: &[&'a str],
    depth: Depth,
) -> Option<Split<'a>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
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
    let tenant = match rest {
        [] | [""] if is_tenant_root(tenant) => named,
        ["info" | "health"] => Tenant::root(),
        ["index.yaml" | "artifacthub-repo.yml"] => named,
        ["charts", file] if !file.is_empty() => named,
        _ => return None,
    };
    let path = match segments.len() == rest.len() {
        true => Cow::from(path),
        false => Cow::from(format!("/{}", rest.join("/"))),
    };
    Some(Split { tenant, path })
}

/// False for a path that has as many segments as a tenant but was hardly meant as one: whoever forgets the tenant in
/// `/index.yaml` must not get a page of HTML with status 200.
fn is_tenant_root(tenant: &[&str]) -> bool {
    tenant
        .last()
        .is_some_and(|last| !last.contains('.') && !["api", "charts", "prov"].contains(last))
}

/// What is below `/api/`.
fn api<'a>(
    method: &Method,
    path: &'a str,
    segments: &[&'a str],
    depth: Depth,
) -> Option<Split<'a>> {
    let file = file_of_chart(method, segments, depth);
    let at = match (file, depth) {
        (Some(at), _) | (None, Depth::Fixed(at)) => at,
        (None, Depth::Dynamic) => dynamic_api_depth(segments)?,
    };
    let (tenant, rest) = segments.split_at_checked(at)?;
    match rest {
        ["charts" | "prov"] => {}
        ["charts", name] | ["charts", name, _] if !name.is_empty() => {}
        ["charts", name, version, "templates" | "values"]
            if !name.is_empty() && !version.is_empty() => {}
        _ if file.is_some() => {}
        _ => return None,
    }
    let path = match rest {
        // who deletes has to say what
        ["charts", name, ""] if *method != Method::DELETE => {
            format!("/api/charts/{name}/latest").into()
        }
        _ if tenant.is_empty() => Cow::from(path),
        _ => format!("/api/{}", rest.join("/")).into(),
    };
    Some(Split {
        tenant: Tenant::from_segments(tenant.iter().copied())?,
        path,
    })
}

/// Where the tenant ends in `{tenant}/charts/{name}/{version}/files/{path…}`. With a dynamic depth the first `charts`
/// that fits ends the tenant, and this comes before all other shapes.
fn file_of_chart(method: &Method, segments: &[&str], depth: Depth) -> Option<usize> {
    if matches!(*method, Method::POST | Method::DELETE) {
        return None;
    }
    let fits = |at: usize| matches!(segments.get(at..), Some(["charts", name, version, "files", _, ..]) if !name.is_empty() && !version.is_empty());
    let at = match depth {
        Depth::Fixed(depth) => fits(depth).then_some(depth)?,
        Depth::Dynamic => (0..segments.len()).find(|at| fits(*at))?,
    };
    let path = segments.get(at + 4..)?;
    let stays_in_chart = |segment: &&str| !matches!(*segment, "" | "." | "..");
    path.iter().all(stays_in_chart).then_some(at)
}

/// How many segments name the tenant, in ChartMuseum's order of patterns and whatever the method
/// (docs/chartmuseum.md 2.3). One deviation: the version may be empty, so that `…/charts/x/` means `latest` here too.
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
