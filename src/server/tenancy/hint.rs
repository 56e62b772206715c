//! What a 404 tells whoever mistook the depth or the context path.

use http::Method;

use super::{Depth, PathRules, Split, depth};

/// Depths beyond this are not tried: nobody nests tenants so deep by mistake.
const DEEPEST: usize = 16;

/// For a path outside the context path.
pub(super) fn other_context(context_path: &str) -> String {
    format!("the repository is served under {context_path}")
}

/// For a path that could be served if tenants had another number of segments; otherwise `None`.
pub(super) fn other_depth(
    method: &Method,
    path: &str,
    segments: &[&str],
    rules: &PathRules,
) -> Option<String> {
    let Depth::Fixed(own) = rules.depth else {
        return None;
    };
    let below_api = |depth| {
        let split = depth::split(method, path, segments, Depth::Fixed(depth));
        split
            .as_ref()
            .map(Split::is_api)
            .filter(|is_api| !is_api || rules.api)
    };
    let deepest = segments.len().min(DEEPEST);
    let below_api = (0..=deepest)
        .filter(|other| *other != own && *other < segments.len())
        .find_map(below_api)?;
    let context = &rules.context_path;
    let (before, after) = if below_api {
        ("/api", "/charts")
    } else {
        ("", "/index.yaml")
    };
    Some(match own {
        0 => format!("this repository has no tenants (depth 0): ask for {context}{before}{after}"),
        1 => format!(
            "this repository is multitenant with depth 1: ask for {context}{before}/{{tenant}}{after}"
        ),
        _ => {
            let tenant: String = (1..=own.min(DEEPEST))
                .map(|n| format!("/{{tenant{n}}}"))
                .collect();
            format!(
                "this repository is multitenant with depth {own}: ask for {context}{before}{tenant}{after}"
            )
        }
    })
}
