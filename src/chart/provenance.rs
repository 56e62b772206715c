//! Provenance files (`.prov`): what they say they sign.

/// How every provenance file starts.
const ARMOUR: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";

/// The chart that a provenance file is about (docs/chartmuseum.md 6.5). Nothing of the signature is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// Text of the first `name:` line, as written.
    pub name: String,
    /// Text of the first `version:` line, as written.
    pub version: String,
}

/// The bytes are not a provenance file.
#[derive(Debug, thiserror::Error)]
#[error("invalid provenance file")]
pub struct InvalidProvenance;

impl Provenance {
    /// Reads a provenance file.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidProvenance> {
        if !bytes.starts_with(ARMOUR) {
            return Err(InvalidProvenance);
        }
        let field = |key| first_line(bytes, key).ok_or(InvalidProvenance);
        Ok(Self {
            name: field("name:")?,
            version: field("version:")?,
        })
    }
}

/// The rest of the first line that begins with `key` and one space or star, if anything follows. The first line of the
/// text does not count: the key must follow a line break, so that indented keys (of maintainers) do not match.
fn first_line(bytes: &[u8], key: &str) -> Option<String> {
    bytes.split(|&b| b == b'\n').skip(1).find_map(|line| {
        let rest = line.strip_prefix(key.as_bytes())?;
        let rest = rest
            .strip_prefix(b" ")
            .or_else(|| rest.strip_prefix(b"*"))?;
        // what is no text cannot be part of a file name
        let text = std::str::from_utf8(rest).ok()?;
        (!text.is_empty()).then(|| text.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Option<(String, String)> {
        let text = format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{body}");
        Provenance::parse(text.as_bytes())
            .ok()
            .map(|found| (found.name, found.version))
    }

    #[test]
    fn the_first_line_of_each_key_names_the_chart() {
        let some = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
        for (body, expected) in [
            ("name: demo\nversion: 1.0.0\n", some("demo", "1.0.0")),
            ("version: 1.0.0\nname: demo", some("demo", "1.0.0")),
            (
                "maintainers:\n  name: ann\nname: demo\nversion: 1.0.0\n",
                some("demo", "1.0.0"),
            ),
            ("name: a\nname: b\nversion: 1\nversion: 2\n", some("a", "1")),
            ("name:*demo\nversion:*1\n", some("demo", "1")),
            ("name: demo\r\nversion: 1\r\n", some("demo\r", "1\r")),
            ("name: \"demo\"\nversion:  1\n", some("\"demo\"", " 1")),
            ("name:demo\nversion: 1\n", None),
            ("name: \nversion: 1\n", None),
            ("name: demo\n", None),
            ("", None),
        ] {
            assert_eq!(parse(body), expected, "{body:?}");
        }
    }

    #[test]
    fn without_the_armour_it_is_none() {
        for bytes in [
            &b""[..],
            b"name: demo\nversion: 1\n",
            b" -----BEGIN PGP SIGNED MESSAGE-----\nname: a\nversion: 1",
        ] {
            assert!(Provenance::parse(bytes).is_err());
        }
    }
}
