//! `chartroom crd`, and the definition in the chart, which is its output.

use std::fs;
use std::path::Path;

use crate::support::process::run_ok;

const FILE: &str = "chart/crds/components.ext.theriseunion.io.yaml";

#[test]
fn the_definition_in_the_chart_is_current() {
    let printed = run_ok(env!("CARGO_BIN_EXE_chartroom"), &["crd"]);
    assert_eq!(printed.stderr(), "");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let differs = kept
        .lines()
        .zip(printed.stdout().lines())
        .position(|(kept, printed)| kept != printed)
        .map_or_else(String::new, |line| format!(" from line {} on", line + 1));
    assert!(
        kept == printed.stdout(),
        "{FILE} is not what `chartroom crd` prints{differs}: run `make crd` and commit the file"
    );
}
