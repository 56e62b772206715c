//! Reads Rust files as far as the rules need it: which paths a file names, which modules it declares.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// One file of the crate, without its tests.
pub struct Source {
    module: String,
    paths: Vec<String>,
}

impl Source {
    /// Reads a file below `root`, the directory of `lib.rs`.
    pub fn read(root: &Path, file: &Path) -> Source {
        let below = file
            .strip_prefix(root)
            .expect("a file below the root")
            .with_extension("");
        let module = below
            .iter()
            .map(|part| part.to_string_lossy())
            .collect::<Vec<_>>()
            .join("::");
        Source::parse(&module, &fs::read_to_string(file).expect("a Rust file"))
    }

    /// `module` is the path of the file's module in the crate: `repository::index`.
    pub fn parse(module: &str, text: &str) -> Source {
        let tokens = without_tests(tokens(text));
        let mut paths = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            at = path(&tokens, at, &mut Vec::new(), &mut paths).max(at + 1);
        }
        let absolute = paths.iter().map(|path| absolute(module, path)).collect();
        Source {
            module: module.to_owned(),
            paths: absolute,
        }
    }

    /// Whether the file is this room's or below it.
    pub fn is_in(&self, room: &str) -> bool {
        is_below(&self.module, room)
    }

    /// Every path the file names, from the root: `std::fs::read`, `chartroom::chart::ChartPackage`.
    pub fn paths(&self) -> &[String] {
        &self.paths
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "src/{}.rs", self.module.replace("::", "/"))
    }
}

/// Whether `path` is `ancestor` or begins with all of its segments.
pub fn is_below(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// All files of the program, without tests, and which of them use which.
pub struct Sources {
    files: Vec<Source>,
    /// Of each file the places of the others that it uses.
    uses: Vec<BTreeSet<usize>>,
}

impl Sources {
    /// Reads all files below `root`, the directory of `lib.rs`.
    pub fn read(root: &Path) -> Self {
        let files = rust_files(root).into_iter();
        let sources = files.map(|file| Source::read(root, &file));
        Self::of(sources.filter(|source| !source.module.split("::").any(|part| part == "tests")))
    }

    fn of(files: impl IntoIterator<Item = Source>) -> Self {
        let files: Vec<Source> = files.into_iter().collect();
        let places: BTreeMap<&str, usize> = (files.iter().enumerate())
            .map(|(place, source)| (&*source.module, place))
            .collect();
        let uses_of = |(own, source): (usize, &Source)| -> BTreeSet<usize> {
            let used = source.paths.iter();
            let used = used.filter_map(|path| holder(&files, &places, source, path));
            used.filter(|place| *place != own).collect()
        };
        Self {
            uses: files.iter().enumerate().map(uses_of).collect(),
            files,
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }

    /// Every file that one in `room` reaches, those in it included, and the shortest way there as file names.
    pub fn reached_from(&self, room: &str) -> Vec<(&Source, Vec<String>)> {
        let start = (0..self.files.len()).filter(|place| self.files[*place].is_in(room));
        let mut ways: Vec<Vec<usize>> = start.map(|place| vec![place]).collect();
        let mut known: BTreeSet<usize> = ways.iter().flatten().copied().collect();
        let mut next = 0;
        while let Some(way) = ways.get(next).cloned() {
            next += 1;
            for used in &self.uses[way[way.len() - 1]] {
                if known.insert(*used) {
                    ways.push(way.iter().copied().chain([*used]).collect());
                }
            }
        }
        let names = |way: &Vec<usize>| {
            way.iter()
                .map(|place| self.files[*place].to_string())
                .collect()
        };
        let end = |way: &Vec<usize>| &self.files[way[way.len() - 1]];
        ways.iter().map(|way| (end(way), names(way))).collect()
    }
}

/// The place of the file in which the item at a path stands. A name that a file only hands on (`pub use`) is looked up
/// where it comes from.
fn holder(
    files: &[Source],
    places: &BTreeMap<&str, usize>,
    user: &Source,
    path: &str,
) -> Option<usize> {
    let child = format!("{}::{path}", user.module);
    let mut below = path.strip_prefix("chartroom::").unwrap_or(&child);
    // as many steps as re-exports may stand behind each other
    for _ in 0..4 {
        let mut module = below;
        let place = loop {
            match places.get(module) {
                Some(place) => break *place,
                None => module = module.rsplit_once("::")?.0,
            }
        };
        let name = below[module.len()..].split("::").nth(1);
        let mut handed_on = (files[place].paths.iter())
            .filter_map(|path| path.strip_prefix("chartroom::"))
            .filter(|path| path.rsplit("::").next() == name);
        match handed_on.find(|path| *path != below) {
            Some(origin) => below = origin,
            None => return Some(place),
        }
    }
    None
}

/// The circles among the modules of each module, each as `a -> b -> a (file uses path, …)`.
pub fn circles(sources: &Sources) -> Vec<String> {
    // from a module to those beside it that it uses, and the files that show it
    let mut beside: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    for (user, uses) in sources.files.iter().zip(&sources.uses) {
        for used in uses.iter().map(|place| &sources.files[*place]) {
            let Some((from, to)) = parting(&user.module, &used.module) else {
                continue;
            };
            let shown = || format!("{user} uses {used}");
            (beside.entry(from).or_default().entry(to)).or_insert_with(shown);
        }
    }
    let mut circles = Vec::new();
    let mut told = BTreeSet::new();
    for start in beside.keys() {
        let Some(circle) = shortest_circle(&beside, start) else {
            continue;
        };
        let members: BTreeSet<&str> = circle.iter().copied().collect();
        if !told.insert(members) {
            continue;
        }
        let uses: Vec<&str> = (circle.windows(2))
            .map(|pair| &*beside[pair[0]][pair[1]])
            .collect();
        circles.push(format!("{} ({})", circle.join(" -> "), uses.join(", ")));
    }
    circles
}

/// The way from a module back to itself.
fn shortest_circle<'a>(
    beside: &BTreeMap<&'a str, BTreeMap<&'a str, String>>,
    start: &'a str,
) -> Option<Vec<&'a str>> {
    let mut ways = vec![vec![start]];
    let mut known = BTreeSet::new();
    let mut next = 0;
    while let Some(way) = ways.get(next).cloned() {
        next += 1;
        let last = way.last().expect("a way has a start");
        for to in beside.get(last).into_iter().flat_map(BTreeMap::keys) {
            let way: Vec<&str> = way.iter().copied().chain([*to]).collect();
            if *to == start {
                return Some(way);
            }
            if known.insert(*to) {
                ways.push(way);
            }
        }
    }
    None
}

/// Two modules cut to the first segment in which they differ; `None` if one is in the other.
fn parting<'a>(one: &'a str, other: &'a str) -> Option<(&'a str, &'a str)> {
    let mut length = 0;
    for (a, b) in one.split("::").zip(other.split("::")) {
        if a != b {
            return Some((&one[..length + a.len()], &other[..length + b.len()]));
        }
        length += a.len() + 2;
    }
    None
}

/// All `.rs` files below a directory; none when it does not exist.
pub fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// A root file and every file that `mod` lines lead to from there.
pub fn reachable(root: &Path) -> Vec<PathBuf> {
    let directory = root.parent().expect("a file has a directory");
    let mut found = vec![root.to_owned()];
    follow(root, directory, &mut found);
    found
}

fn follow(file: &Path, children: &Path, found: &mut Vec<PathBuf>) {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    for line in tokens(&text).windows(3) {
        if line[0] == "mod" && line[2] == ";" {
            let child = children.join(format!("{}.rs", line[1]));
            found.push(child.clone());
            follow(&child, &children.join(&line[1]), found);
        }
    }
}

/// Collects the paths that begin at a token, through `{…}` groups; returns the token after them.
fn path(tokens: &[String], from: usize, prefix: &mut Vec<String>, out: &mut Vec<String>) -> usize {
    let length = prefix.len();
    let mut at = from;
    while at < tokens.len() && is_word(&tokens[at]) {
        prefix.push(tokens[at].clone());
        at += 1;
        if tokens.get(at).map(String::as_str) != Some("::") {
            break;
        }
        at += 1;
        if tokens.get(at).map(String::as_str) == Some("{") {
            at += 1;
            while at < tokens.len() && tokens[at] != "}" {
                at = path(tokens, at, prefix, out).max(at + 1);
            }
            prefix.truncate(length);
            return at + 1;
        }
    }
    if prefix.len() > length {
        out.push(prefix.join("::"));
    }
    prefix.truncate(length);
    at
}

fn absolute(module: &str, path: &str) -> String {
    let mut base: Vec<&str> = std::iter::once("chartroom")
        .chain(module.split("::"))
        .collect();
    let mut rest = path;
    if let Some(below) = path.strip_prefix("crate::") {
        return format!("chartroom::{below}");
    }
    if let Some(below) = path.strip_prefix("self::") {
        return format!("{}::{below}", base.join("::"));
    }
    if !path.starts_with("super::") {
        return path.to_owned();
    }
    while let Some(above) = rest.strip_prefix("super::") {
        base.pop();
        rest = above;
    }
    format!("{}::{rest}", base.join("::"))
}

/// Drops every item under `#[cfg(test)]`.
fn without_tests(tokens: Vec<String>) -> Vec<String> {
    let marker = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if !tokens[at..].iter().take(marker.len()).eq(marker.iter()) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 0;
        while at < tokens.len() {
            let token = tokens[at].as_str();
            at += 1;
            match token {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 && (token == "}" || token == ";") {
                break;
            }
        }
    }
    kept
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphanumeric() || first == '_')
}

/// Words, `::` and single signs; without comments, strings, characters and lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = string(rest) {
            length
        } else if first == '\'' {
            quote(rest)
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            tokens.push(rest[..end].to_owned());
            end
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of a string literal at the start of `text`: plain, byte or raw.
fn string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    })?;
    let rest = &text[prefix.len()..];
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    if hashes > 0 && !prefix.contains('r') {
        return None;
    }
    let start = prefix.len() + hashes + 1;
    let end = if prefix.contains('r') {
        let close = format!("\"{}", "#".repeat(hashes));
        text[start..].find(&close).map(|end| end + close.len())
    } else {
        let mut escaped = false;
        text[start..]
            .bytes()
            .position(|byte| {
                let closes = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                closes
            })
            .map(|end| end + 1)
    };
    Some(end.map_or(text.len(), |end| start + end))
}

/// The length of a character literal, or of the quote alone that begins a lifetime.
fn quote(text: &str) -> usize {
    let mut inner = text[1..].char_indices();
    match inner.next() {
        Some((_, '\\')) => text[3..].find('\'').map_or(text.len(), |end| end + 4),
        Some((_, first)) if text[1 + first.len_utf8()..].starts_with('\'') => first.len_utf8() + 2,
        _ => 1,
    }
}

#[test]
fn paths_are_found_wherever_they_are_written() {
    let cases = [
        (
            "a use line",
            "use tokio::sync::Mutex;",
            "tokio::sync::Mutex",
        ),
        (
            "a group",
            "use std::{collections::BTreeMap, fs::{self, File}};",
            "std::fs::File",
        ),
        (
            "an inline path",
            "fn f() { let x = std::fs::read(\"a\"); }",
            "std::fs::read",
        ),
        (
            "a path in a type",
            "struct S { a: Vec<axum::Router> }",
            "axum::Router",
        ),
        (
            "from the crate's root",
            "use crate::server::routes;",
            "chartroom::server::routes",
        ),
        (
            "from the module above",
            "use super::super::server::Error;",
            "chartroom::server::Error",
        ),
        (
            "from the module itself",
            "use self::deep::X;",
            "chartroom::repository::index::deep::X",
        ),
        (
            "after a lifetime",
            "fn f<'a>(x: &'a str) { hyper::go() }",
            "hyper::go",
        ),
        (
            "after a character",
            "const C: char = '\\''; use axum::A;",
            "axum::A",
        ),
        (
            "after a raw string",
            "const C: &str = r#\"a \"quoted\" b\"#; use axum::A;",
            "axum::A",
        ),
        (
            "a call of the clock",
            "let now = SystemTime::now();",
            "SystemTime::now",
        ),
    ];
    for (what, text, expected) in cases {
        let source = Source::parse("repository::index", text);
        assert!(
            source.paths().iter().any(|path| path == expected),
            "{what}: {expected} in {:?}",
            source.paths()
        );
    }
}

#[test]
fn chains_and_circles_are_found_through_folders_and_re_exports() {
    let sources = Sources::of([
        Source::parse("a", "use crate::b::X;"),
        Source::parse("b", "mod c; pub use self::c::X; pub struct Other;"),
        Source::parse("b::c", "use super::Other; use crate::d;"),
        Source::parse("d", "pub fn go() { e::go() }"),
        Source::parse("d::e", "use crate::a::Y; use tokio::time;"),
    ]);
    let reached = sources.reached_from("a");
    let (end, chain) = reached.last().expect("a reaches others");
    assert!(end.is_in("d::e"));
    assert_eq!(
        chain.join(" -> "),
        "src/a.rs -> src/b/c.rs -> src/d.rs -> src/d/e.rs"
    );
    assert_eq!(
        circles(&sources),
        [
            "a -> b -> d -> a (src/a.rs uses src/b/c.rs, src/b/c.rs uses src/d.rs, src/d/e.rs uses src/a.rs)"
        ]
    );
}

#[test]
fn what_is_no_code_is_not_read() {
    let cases = [
        ("a comment", "// use tokio::fs;\n/* axum::A */"),
        (
            "a doc comment",
            "//! See std::fs::read.\n/// and [`tokio::time`]",
        ),
        (
            "a string",
            "const C: &str = \"tokio::time\"; const D: &[u8] = b\"a\\\"std::fs::b\";",
        ),
        (
            "a raw string",
            "const C: &str = r##\"x \"# tokio::time\"##;",
        ),
        (
            "a module of tests",
            "#[cfg(test)]\nmod tests { use std::fs; fn f() { tokio::run(); } }",
        ),
        ("an import for tests", "#[cfg(test)] use std::fs::File;"),
    ];
    for (what, text) in cases {
        let source = Source::parse("chart", text);
        let found: Vec<_> = source
            .paths()
            .iter()
            .filter(|path| path.contains("::"))
            .collect();
        assert!(found.is_empty(), "{what}: {found:?}");
    }
}
