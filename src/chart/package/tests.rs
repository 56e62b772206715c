use std::os::unix::fs::symlink;

use super::*;

fn write(dir: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

const CHART: (&str, &str) = ("Chart.yaml", "apiVersion: v2\nname: demo\nversion: 1.2.3\n");

fn names(bytes: &[u8]) -> Vec<String> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    tar.entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect()
}

#[test]
fn the_same_tree_gives_the_same_bytes_whatever_its_times_and_order() {
    let files = [
        CHART,
        ("values.yaml", "a: 1\n"),
        ("templates/b.yaml", "b"),
        ("templates/a.yaml", "a"),
    ];
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(one.path(), &files);
    let mut reversed = files;
    reversed.reverse();
    write(other.path(), &reversed);
    let long_ago = fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH);
    fs::File::open(other.path().join("values.yaml"))
        .unwrap()
        .set_times(long_ago)
        .unwrap();
    let (a, b) = (
        package_directory(one.path()).unwrap(),
        package_directory(other.path()).unwrap(),
    );
    assert_eq!(a.bytes, b.bytes);
    assert_eq!(a.file_name, "demo-1.2.3.tgz");
    assert_eq!(
        names(&a.bytes),
        [
            "demo/Chart.yaml",
            "demo/templates/a.yaml",
            "demo/templates/b.yaml",
            "demo/values.yaml"
        ]
    );
}

#[test]
fn helmignore_decides_what_stays_out() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &[
            CHART,
            (".helmignore", "*.bak\nci/\n"),
            ("a.bak", ""),
            ("ci/values.yaml", ""),
            ("templates/.swap", ""),
            ("templates/a.yaml", ""),
        ],
    );
    let packaged = package_directory(dir.path()).unwrap();
    assert_eq!(
        names(&packaged.bytes),
        [
            "demo/Chart.yaml",
            "demo/.helmignore",
            "demo/templates/a.yaml"
        ]
    );
}

#[test]
fn links_are_followed_and_a_loop_ends() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[CHART, ("files/real.txt", "x")]);
    symlink(
        dir.path().join("files/real.txt"),
        dir.path().join("link.txt"),
    )
    .unwrap();
    assert!(
        names(&package_directory(dir.path()).unwrap().bytes).contains(&"demo/link.txt".to_owned())
    );
    symlink(dir.path(), dir.path().join("files/loop")).unwrap();
    // the operating system gives up on the path (ELOOP) or the walk does: either way it is a refusal, not a hang
    assert!(package_directory(dir.path()).is_err());
}

#[test]
fn what_cannot_be_packaged_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let text = |error: PackageError| crate::causes::chain(&error);
    assert!(text(package_directory(dir.path()).unwrap_err()).ends_with("it has no Chart.yaml"));
    write(
        dir.path(),
        &[("Chart.yaml", "apiVersion: v2\nname: demo\n")],
    );
    assert!(
        text(package_directory(dir.path()).unwrap_err())
            .contains("chart.metadata.version is required")
    );
    write(dir.path(), &[CHART]);
    fs::File::create(dir.path().join("big"))
        .unwrap()
        .set_len(5 * 1024 * 1024 + 1)
        .unwrap();
    assert!(text(package_directory(dir.path()).unwrap_err()).contains("big does not fit"));
}

#[test]
fn nothing_is_written_unless_everything_can_be() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a"), &[CHART]);
    write(&dir.path().join("b"), &[CHART]);
    let dirs = [dir.path().join("a"), dir.path().join("b")];
    let out = dir.path().join("out");
    assert!(matches!(
        run(&dirs, &out),
        Err(PackageError::SamePackage(..))
    ));
    assert!(!out.exists());
    let written = run(&dirs[..1], &out).unwrap();
    assert_eq!(fs::read(&written[0].0).unwrap(), written[0].1.bytes);
    assert_eq!(
        fs::read_dir(&out).unwrap().count(),
        1,
        "no temporary file is left"
    );
}

const ASKING: (&str, &str) = (
    "Chart.yaml",
    "apiVersion: v2\nname: demo\nversion: 1.2.3\ndependencies:\n- {name: db, version: 1.0.0, alias: store}\n\
     - {name: cache, version: 1.0.0, condition: cache.enabled}\n",
);

#[test]
fn a_chart_without_its_sub_charts_is_refused_as_helm_package_does() {
    let missing = |files: &[(&str, &str)]| {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), files);
        match package_directory(dir.path()) {
            Ok(_) => String::new(),
            Err(PackageError::MissingDependencies(_, missing)) => missing,
            Err(other) => panic!("{other}"),
        }
    };
    let db = "apiVersion: v2\nname: db\nversion: 1.0.0\n";
    let cache = "apiVersion: v2\nname: \"cache\"\nversion: 1.0.0\n";
    assert_eq!(missing(&[ASKING]), "db, cache");
    assert_eq!(missing(&[ASKING, ("charts/db/Chart.yaml", db)]), "cache");
    // the chart's name counts, not that of its directory
    let both = [
        ASKING,
        ("charts/database/Chart.yaml", db),
        ("charts/cache/Chart.yaml", cache),
    ];
    assert_eq!(missing(&both), "");
    // one in another sub-chart is not the chart's own
    let deeper = [
        ASKING,
        ("charts/db/Chart.yaml", db),
        ("charts/db/charts/cache/Chart.yaml", cache),
    ];
    assert_eq!(missing(&deeper), "cache");
    let hidden = [
        ASKING,
        ("charts/db/Chart.yaml", db),
        ("charts/_cache/Chart.yaml", cache),
    ];
    assert_eq!(missing(&hidden), "cache");
    // what `requirements.yaml` asks for, in charts of old
    let old = [
        CHART,
        (
            "requirements.yaml",
            "dependencies: [{name: db, version: 1.0.0}]\n",
        ),
    ];
    assert_eq!(missing(&old), "db");
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[ASKING]);
    let refusal = package_directory(dir.path()).unwrap_err().to_string();
    let words = "found in Chart.yaml, but missing in charts/ directory: db, cache; fetch what is missing with";
    assert!(refusal.contains(words), "{refusal}");
}

#[test]
fn a_sub_chart_may_be_an_archive() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &[(
            "Chart.yaml",
            "apiVersion: v2\nname: demo\nversion: 1.2.3\ndependencies: [{name: db, version: 1.0.0}]\n",
        )],
    );
    let db = b"apiVersion: v2\nname: db\nversion: 1.0.0\n".to_vec();
    let archive = archive_of("db", &[("Chart.yaml".to_owned(), db)]);
    fs::create_dir(dir.path().join("charts")).unwrap();
    fs::write(dir.path().join("charts/db-1.0.0.tgz"), archive).unwrap();
    assert!(package_directory(dir.path()).is_ok());
}

#[test]
fn a_schema_that_is_no_json_is_refused_as_helm_package_does() {
    let sub = ("charts/db/Chart.yaml", "name: db\nversion: 1.0.0\n");
    for (path, schema, is_sound) in [
        ("values.schema.json", "{\"type\": \"obj", false),
        ("values.schema.json", "", false),
        ("values.schema.json", "type: object\n", false),
        ("charts/db/values.schema.json", "{", false),
        (
            "values.schema.json",
            "\u{feff}{\"type\": \"object\"}\n",
            true,
        ),
        ("files/values.schema.json", "{", true),
    ] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &[CHART, sub, (path, schema)]);
        match package_directory(dir.path()) {
            Ok(_) => assert!(is_sound, "{path}: {schema}"),
            Err(error) => {
                let words = format!("cannot be packaged: invalid JSON in {path}");
                assert!(!is_sound && error.to_string().contains(&words), "{error}");
            }
        }
    }
}
