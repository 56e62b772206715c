//! From the name of a tar entry to the path inside the chart, by Helm's rules (docs/chartmuseum.md 6.1).

use std::borrow::Cow;

use super::error::ArchiveError;

/// The path inside the chart of the entry called `name`: its first component is dropped, the rest is cleaned. An entry
/// `/abs/file` is accepted, since what is dropped is the empty component before the slash.
pub(super) fn in_chart_path(name: &str) -> Result<Cow<'_, str>, ArchiveError> {
    // archives made on Windows: one backslash anywhere and the slash is an ordinary character of *this* split
    let separator = if name.contains('\\') { '\\' } else { '/' };
    let (first, rest) = name.split_once(separator).unwrap_or((name, ""));
    let rest = if separator == '/' {
        Cow::Borrowed(rest)
    } else {
        Cow::Owned(rest.replace('\\', "/"))
    };
    if rest.starts_with('/') {
        return Err(ArchiveError::AbsolutePath);
    }
    let path = clean(rest);
    if path.is_empty() {
        return Err(ArchiveError::OutsideBaseDirectory(name.to_owned()));
    }
    if path.starts_with("..") {
        return Err(ArchiveError::ParentDirectory);
    }
    if matches!(path.as_bytes(), [drive, b':', b'/', ..] if drive.is_ascii_alphabetic()) {
        return Err(ArchiveError::DrivePath);
    }
    if first == "Chart.yaml" {
        return Err(ArchiveError::ChartYamlDirectory);
    }
    Ok(path)
}

/// Resolves `.`, `..` and doubled slashes in a relative path; what would leave the root keeps its `..` in front.
fn clean(path: Cow<'_, str>) -> Cow<'_, str> {
    if !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | "..")) {
        return path;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Cow::Owned(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_land_at_their_path_in_the_chart() {
        for (name, path) in [
            ("x/Chart.yaml", "Chart.yaml"),
            ("x/templates/a.yaml", "templates/a.yaml"),
            ("x/./templates//a.yaml", "templates/a.yaml"),
            ("x/a/../Chart.yaml", "Chart.yaml"),
            ("./Chart.yaml", "Chart.yaml"),
            ("./x/Chart.yaml", "x/Chart.yaml"),
            ("/abs/evil", "abs/evil"),
            ("../evil", "evil"),
            (r"x\templates\a.yaml", "templates/a.yaml"),
            (r"x/y\a/b", "a/b"),
            ("x/c:", "c:"),
            ("x/cc:/b", "cc:/b"),
            ("x/a/", "a"),
        ] {
            assert_eq!(in_chart_path(name).unwrap(), path, "{name}");
        }
    }

    #[test]
    fn paths_that_leave_the_chart_are_refused_in_helms_words() {
        for (name, text) in [
            (
                "Chart.yaml",
                r#"chart illegally contains content outside the base directory: "Chart.yaml""#,
            ),
            (
                "",
                r#"chart illegally contains content outside the base directory: """#,
            ),
            (
                "x/",
                r#"chart illegally contains content outside the base directory: "x/""#,
            ),
            (
                "x/.",
                r#"chart illegally contains content outside the base directory: "x/.""#,
            ),
            (
                "x/a/..",
                r#"chart illegally contains content outside the base directory: "x/a/..""#,
            ),
            ("x//etc/passwd", "chart illegally contains absolute paths"),
            (r"x\\etc", "chart illegally contains absolute paths"),
            (r"x\/etc", "chart illegally contains absolute paths"),
            ("x/../etc", "chart illegally references parent directory"),
            (
                "x/a/../../../etc",
                "chart illegally references parent directory",
            ),
            ("x/..hidden", "chart illegally references parent directory"),
            (
                r"x\..\..\etc",
                "chart illegally references parent directory",
            ),
            ("x/c:/windows", "chart contains illegally named files"),
            (r"x\Z:\windows", "chart contains illegally named files"),
            ("Chart.yaml/x", "chart yaml not in base directory"),
        ] {
            assert_eq!(in_chart_path(name).unwrap_err().to_string(), text, "{name}");
        }
    }
}
