//! Numbers as text, the way Go's `strconv` writes them.

/// The shortest text that reads back as the same 32-bit float, in the layout of Go's `FormatFloat(value, 'g', -1, 32)`:
/// `1.1`, `100000`, `1e+06`, `1e-05`, `NaN`, `+Inf`. Source: docs/chartmuseum.md 6.3 and sigs.k8s.io/yaml, which writes
/// floats this way where a string is wanted.
pub fn go_float_text(value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "32 bits are what Helm's YAML library keeps of a float here"
    )]
    let value = value as f32;
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("the e layout has an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a small integer");
    if (-4..SHORTEST_PRECISION).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// From this decimal exponent on, Go's shortest 'g' layout uses an exponent.
const SHORTEST_PRECISION: i32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_go_writes_them() {
        for (value, text) in [
            (1.10, "1.1"),
            (1.0, "1"),
            (8.0, "8"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (0.0, "0"),
            (-0.0, "-0"),
            (2.345_678_901_234_5, "2.3456788"),
            (16_777_217.0, "1.6777216e+07"),
            (100_000.0, "100000"),
            (999_999.0, "999999"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (123_456.7, "123456.7"),
            (0.0001, "0.0001"),
            (0.00012, "0.00012"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e20, "1e+20"),
            (1e38, "1e+38"),
            (2.5e-40, "2.5e-40"),
            (1e300, "+Inf"),
            (-1e300, "-Inf"),
            (1e-300, "0"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(go_float_text(value), text, "{value:e}");
        }
    }
}
