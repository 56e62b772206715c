//! Packages of the charts: the same bytes each time, and without what only tests need.

use std::fs;

use tempfile::TempDir;

use super::{Chart, charts};
use crate::support::process::run_ok;
use crate::support::server;

#[test]
fn packages_are_the_same_each_time_and_leave_test_values_out() {
    let directory = TempDir::new().expect("a temporary directory");
    let charts = charts();
    let paths = charts.iter().map(Chart::path);
    for out in ["one", "two"] {
        let arguments: Vec<&str> = (["package"].into_iter())
            .chain(paths.clone())
            .chain(["--destination", out])
            .collect();
        fs::create_dir(directory.path().join(out)).expect("a writable directory");
        server::chartroom(&arguments, directory.path()).succeeded();
    }
    for chart in &charts {
        let version = chart.metadata["version"].as_str().expect("a version");
        let package = format!("{}-{version}.tgz", chart.name);
        let [one, two] = ["one", "two"].map(|out| directory.path().join(out).join(&package));
        let bytes = fs::read(&one).expect("a package");
        assert!(bytes == fs::read(&two).expect("a package"), "{package}");
        // a release keeps its chart in a Secret
        assert!(bytes.len() < 100_000, "{package}: {} bytes", bytes.len());
        let list = run_ok("tar", &["-tzf", &one.display().to_string()]).stdout();
        assert!(list.contains("/values.schema.json\n"), "{list}");
        assert!(!list.contains("/ci/"), "{list}");
    }
}
