//! The image: the Dockerfile, and the script that makes the same one where no container engine runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::helm::{HELM, HELM_3};
use crate::support::tools;
use crate::support::version::{Program, version};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn assemble(arguments: &[&str]) -> String {
    let output = Command::new("python3")
        .arg(root().join("image/assemble.py"))
        .args(arguments)
        .env_remove("SOURCE_DATE_EPOCH")
        .output()
        .expect("python3 runs");
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "assemble.py: {problem}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The Dockerfile's instructions, one in a line, without comments.
fn instructions() -> Vec<String> {
    let text = fs::read_to_string(root().join("Dockerfile")).expect("the Dockerfile");
    let lines: Vec<&str> = (text.lines())
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    (lines.join("\n").replace("\\\n", " ").lines())
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

fn last_stage() -> Vec<String> {
    let all = instructions();
    let from = all.iter().rposition(|line| line.starts_with("FROM "));
    all[from.expect("a stage")..].to_vec()
}

/// What follows an instruction, as often as it is there.
fn given<'a>(stage: &'a [String], instruction: &str) -> Vec<&'a str> {
    (stage.iter())
        .filter_map(|line| line.strip_prefix(instruction)?.strip_prefix(' '))
        .collect()
}

/// `A=1 B="two words"`, with `${NAME}` replaced by the stage's ARG of that name.
fn pairs(stage: &[String], instruction: &str) -> BTreeMap<String, String> {
    let mut text = format!("{} ", given(stage, instruction).join(" "));
    for argument in given(stage, "ARG") {
        let (name, value) = argument.split_once('=').expect("an ARG with a default");
        text = text.replace(&format!("${{{name}}}"), value);
    }
    let mut found = BTreeMap::new();
    let mut rest = text.as_str();
    while let Some((key, value)) = rest.split_once('=') {
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("a closing quote"),
            None => value.split_once(' ').expect("a space after each pair"),
        };
        found.insert(key.trim().to_owned(), value.to_owned());
        rest = after;
    }
    found
}

/// A COPY of the last stage as the script would describe it.
fn copy(text: &str) -> Value {
    let words: Vec<&str> = text.split(' ').collect();
    let (flags, paths): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.starts_with("--"));
    let owner = flags.iter().find_map(|flag| flag.strip_prefix("--chown="));
    let others: Vec<_> = flags
        .iter()
        .filter(|flag| !flag.starts_with("--chown="))
        .collect();
    assert_eq!(others, [&"--from=build"], "{text}");
    let name = paths[0].strip_prefix("/image/").expect("a path in /image");
    json!({"from": name, "to": paths[1], "owner": owner})
}

#[test]
fn the_dockerfile_and_the_script_make_the_same_image() {
    let script: Value = serde_json::from_str(&assemble(&["--json"])).expect("JSON");
    let stage = last_stage();
    assert_eq!(stage[0], "FROM scratch");
    let copies: Vec<Value> = given(&stage, "COPY").into_iter().map(copy).collect();
    assert_eq!(json!(copies), script["copies"]);
    assert_eq!(json!(given(&stage, "USER")), json!([script["user"]]));
    let entry: Value = serde_json::from_str(given(&stage, "ENTRYPOINT")[0]).expect("a list");
    assert_eq!(entry, script["entrypoint"]);
    assert_eq!(json!(pairs(&stage, "ENV")), script["environment"]);
    assert_eq!(json!(pairs(&stage, "LABEL")), script["labels"]);
    let ports = given(&stage, "EXPOSE")[0].replace(' ', ",");
    assert_eq!(format!("[{ports}]"), script["ports"].to_string());
    assert_eq!(given(&stage, "WORKDIR"), ["/"]);
    let known = [
        "FROM",
        "ARG",
        "COPY",
        "LABEL",
        "ENV",
        "EXPOSE",
        "USER",
        "WORKDIR",
        "ENTRYPOINT",
    ];
    let used: BTreeSet<&str> = stage
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        used,
        BTreeSet::from(known),
        "compare the new instruction too"
    );
}

#[test]
fn both_make_the_same_skeleton_around_the_same_helm() {
    let script: Value = serde_json::from_str(&assemble(&["--json"])).expect("JSON");
    let built = instructions().join("\n");
    for (name, mode) in script["folders"].as_object().expect("an object") {
        assert!(
            built.contains(&format!(" /image/skeleton/{name}")),
            "{name}"
        );
        let mode = mode.as_str().expect("a mode");
        let set = built.contains(&format!("chmod {mode} /image/skeleton/{name}"));
        assert_eq!(set, mode != "755", "the mode of {name}");
    }
    for (name, target) in script["links"].as_object().expect("an object") {
        let target = target.as_str().expect("a path");
        assert!(
            built.contains(&format!("ln -s {target} /image/skeleton/{name}")),
            "{name}"
        );
    }
}

/// The one helm of the image, of the tests and of `make image`: a module whose checksums are kept beside it.
#[test]
fn the_helm_of_the_image_is_the_one_that_the_tests_run_with() {
    assert_eq!(version(Program::Helm), HELM);
    assert_eq!(version(Program::Helm3), HELM_3);
    let module = fs::read_to_string(root().join("image/helm/go.mod")).expect("go.mod");
    assert!(
        module.contains(&format!("helm.sh/helm/v4 v{HELM}")),
        "{module}"
    );
    let sums = fs::read_to_string(root().join("image/helm/go.sum")).expect("go.sum");
    assert!(sums.contains(&format!("helm.sh/helm/v4 v{HELM} h1:")));
    let built = instructions().join("\n");
    for part in [
        "COPY image/helm .",
        &format!("ARG HELM_VERSION={HELM}"),
        "go build -mod=readonly",
    ] {
        assert!(built.contains(part), "{part:?} is not in the Dockerfile");
    }
}

#[test]
fn what_the_dockerfile_takes_from_here_is_all_that_is_sent_to_the_builder() {
    let taken: BTreeSet<String> = given(&instructions(), "COPY")
        .into_iter()
        .filter(|text| !text.starts_with("--"))
        .flat_map(|text| {
            text.split(' ')
                .rev()
                .skip(1)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let ignore = fs::read_to_string(root().join(".dockerignore")).expect(".dockerignore");
    let sent: BTreeSet<String> = ignore
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .map(str::to_owned)
        .collect();
    assert_eq!(taken, sent);
    assert!(ignore.lines().any(|line| line == "*"), "all is sent");
}

#[test]
fn a_linter_has_nothing_to_say_about_the_dockerfile() {
    let output = Command::new(tools::tool("hadolint-2.15.1/hadolint"))
        .args(["--no-color", "--failure-threshold", "style"])
        .arg(root().join("Dockerfile"))
        .output()
        .expect("hadolint runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

/// The head of a program for x86-64, which is all that the script looks at.
fn program(directory: &Path, name: &str) -> String {
    let head = [b"\x7fELF".as_slice(), &[0; 14], &[0x3E, 0], name.as_bytes()].concat();
    let path = directory.join(name);
    fs::write(&path, head).expect("a writable directory");
    path.display().to_string()
}

/// Path → what it is, of every entry of every layer, and how many layers there are.
fn entries(archive: &[u8]) -> (BTreeMap<PathBuf, String>, usize) {
    let (mut found, mut layers) = (BTreeMap::new(), 0);
    for member in tar::Archive::new(archive).entries().expect("a tar") {
        let mut member = member.expect("a member");
        if member.path().expect("a path").extension() != Some("tar".as_ref()) {
            continue;
        }
        layers += 1;
        let mut layer = Vec::new();
        member.read_to_end(&mut layer).expect("a layer");
        for entry in tar::Archive::new(layer.as_slice())
            .entries()
            .expect("a tar")
        {
            let entry = entry.expect("an entry");
            let (header, path) = (entry.header(), entry.path().expect("a path").into_owned());
            assert_eq!(header.mtime().expect("a time"), 0, "{}", path.display());
            let link = entry.link_name().expect("a link name");
            let what = match (header.entry_type(), link) {
                (tar::EntryType::Directory, _) => "folder".to_owned(),
                (tar::EntryType::Symlink, Some(link)) => format!("-> {}", link.display()),
                (tar::EntryType::Regular, _) => "file".to_owned(),
                (other, _) => panic!("{other:?} at {}", path.display()),
            };
            let (mode, owner) = (
                header.mode().expect("a mode"),
                header.uid().expect("an owner"),
            );
            found.insert(path, format!("{what} {mode:o} {owner}"));
        }
    }
    (found, layers)
}

#[test]
fn the_same_parts_make_the_same_bytes_and_there_is_nothing_else_inside() {
    let directory = TempDir::new().expect("a temporary directory");
    let (helm, chartroom) = (
        program(directory.path(), "helm"),
        program(directory.path(), "chartroom"),
    );
    let charts = root().join("builtin-charts").display().to_string();
    let archives = ["first.tar", "second.tar"].map(|name| {
        let out = directory.path().join(name);
        let said = assemble(&[
            "--chartroom",
            &chartroom,
            "--helm",
            &helm,
            "--charts",
            &charts,
            "--packager",
            env!("CARGO_BIN_EXE_chartroom"),
            "--reference",
            "registry.example/chartroom:1",
            "--out",
            &out.display().to_string(),
        ]);
        assert!(
            said.starts_with("registry.example/chartroom:1 amd64"),
            "{said}"
        );
        fs::read(out).expect("an archive")
    });
    assert!(archives[0] == archives[1], "two runs differ");
    let (mut found, layers) = entries(&archives[0]);
    assert_eq!(layers, 4);
    let packages: Vec<PathBuf> = found
        .keys()
        .filter(|path| path.extension() == Some("tgz".as_ref()))
        .cloned()
        .collect();
    let directories = fs::read_dir(root().join("builtin-charts")).expect("built-in charts");
    assert_eq!(
        packages.len(),
        directories
            .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir()))
            .count()
    );
    for package in packages {
        assert!(package.starts_with("usr/share/chartroom/charts"));
        assert_eq!(found.remove(&package).as_deref(), Some("file 644 0"));
    }
    let expected = [
        ("chartmuseum", "-> chartroom 777 1000"),
        ("chartroom", "file 755 0"),
        ("chartstorage", "folder 755 1000"),
        ("tmp", "folder 1777 1000"),
        ("usr", "folder 755 0"),
        ("usr/bin", "folder 755 0"),
        ("usr/bin/helm", "file 755 0"),
        ("usr/share", "folder 755 0"),
        ("usr/share/chartroom", "folder 755 0"),
        ("usr/share/chartroom/charts", "folder 755 0"),
    ];
    assert_eq!(
        found,
        expected
            .map(|(path, what)| (path.into(), what.to_owned()))
            .into()
    );
}
