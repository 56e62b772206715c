//! What a 404 tells whoever mistook the depth or the context path.

use super::{Depth, RouteRules, Verb, pattern};

/// Depths beyond this are not tried: nobody nests tenants so deep by mistake.
const DEEPEST: usize = 16;

/// For a path outside the context path.
pub(super) fn other_context(context_path: &str) -> String {
    format!("the repository is served under {context_path}")
}

/// For a path that would be a route if tenants had another number of segments; otherwise `None`.
pub(super) fn other_depth(
    verb: Verb,
    path: &str,
    segments: &[&str],
    rules: &RouteRules,
) -> Option<String> {
    let Depth::Fixed(depth) = rules.depth else {
        return None;
    };
    let is_route = |depth| {
        let found = pattern::find(verb, path, segments, Depth::Fixed(depth));
        found
            .map(|route| route.is_api())
            .filter(|is_api| !is_api || rules.api)
    };
    let deepest = segments.len().min(DEEPEST);
    let below_api = (0..=deepest)
        .filter(|other| *other != depth && *other < segments.len())
        .find_map(is_route)?;
    let context = &rules.context_path;
    let (before, after) = if below_api {
        ("/api", "/charts")
    } else {
        ("", "/index.yaml")
    };
    Some(match depth {
        0 => format!("this repository has no tenants (depth 0): ask for {context}{before}{after}"),
        1 => format!(
            "this repository is multitenant with depth 1: ask for {context}{before}/{{tenant}}{after}"
        ),
        _ => {
            let tenant: String = (1..=depth.min(DEEPEST))
                .map(|n| format!("/{{tenant{n}}}"))
                .collect();
            format!(
                "this repository is multitenant with depth {depth}: ask for {context}{before}{tenant}{after}"
            )
        }
    })
}
