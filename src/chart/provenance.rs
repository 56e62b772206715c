//! Provenance files (`.prov`): what they say they sign.

use crate::yaml::{self, Limits, Yaml};

/// How every provenance file starts.
const ARMOUR: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";

/// The chart that a provenance file is about (docs/chartmuseum.md 6.5). Nothing of the signature is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// What the first `name:` line says.
    pub name: String,
    /// What the first `version:` line says.
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
        (!text.is_empty()).then(|| unquoted(text))
    })
}

/// Helm writes a chart's metadata as YAML, with quotes around what would be no text without: `"1.0"`, `"on"`. What has
/// none is taken as it is written, also where YAML sees a number in it.
fn unquoted(text: &str) -> String {
    const ONE_TEXT: Limits = Limits { nodes: 1, depth: 0 };
    match yaml::parse(text.as_bytes(), ONE_TEXT) {
        Ok(Yaml::String(unquoted)) if text.starts_with(['"', '\'']) => unquoted,
        _ => text.to_owned(),
    }
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
            // as Helm quotes what YAML would read as a number or a boolean
            ("name: \"on\"\nversion: \"1.0\"\n", some("on", "1.0")),
            ("name: \"1234\"\nversion: \"2\"\n", some("1234", "2")),
            ("name: 'a b'\nversion: \"1e3\"\r\n", some("a b", "1e3")),
            ("name: \"a\\\"b\"\nversion: '1''2'\n", some("a\"b", "1'2")),
            ("name: on\nversion: 1.10\n", some("on", "1.10")),
            ("name: \"demo\nversion:  1\n", some("\"demo", " 1")),
            ("name: \"a\": b\nversion: 1\n", some("\"a\": b", "1")),
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
