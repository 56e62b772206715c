//! Tokens that this server hands out to whoever has shown a password, or to anybody for what anybody may do: what they
//! allow and until when, signed with a key of this process.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Bytes that SHA-256 works on at a time.
const BLOCK: usize = 64;
/// Scopes in one token; more than any client asks for.
const MOST_SCOPES: usize = 100;

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Read.
    Pull,
    /// Store and delete.
    Push,
}

/// What somebody may do with one repository, or with the list of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// `repository` or `registry`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The repository's name, or `catalog`.
    pub name: String,
    /// `pull`, `push`, `delete` or `*`.
    pub actions: Vec<String>,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Seconds of Unix time after which it is worth nothing.
    #[serde(rename = "exp")]
    pub expires: u64,
    /// What it allows.
    pub access: Vec<Scope>,
}

/// A secret that tokens are signed with.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// A key made of random bytes.
    pub fn new(random: &[u8]) -> Self {
        Self(Sha256::digest(random).into())
    }

    /// HMAC-SHA-256 (RFC 2104).
    fn sign(&self, text: &[u8]) -> [u8; 32] {
        let mut pads = [[0x36u8; BLOCK], [0x5cu8; BLOCK]];
        for pad in &mut pads {
            for (byte, secret) in pad.iter_mut().zip(self.0) {
                *byte ^= secret;
            }
        }
        let [inner, outer] = pads;
        let inner = Sha256::new().chain_update(inner).chain_update(text);
        let outer = Sha256::new().chain_update(outer);
        outer.chain_update(inner.finalize()).finalize().into()
    }

    /// The token that says this.
    pub fn issue(&self, claims: &Claims) -> String {
        let text = serde_json::to_vec(claims).expect("texts and numbers always serialise");
        let text = URL_SAFE_NO_PAD.encode(text);
        let signature = URL_SAFE_NO_PAD.encode(self.sign(text.as_bytes()));
        format!("{text}.{signature}")
    }

    /// What a token says, if this key has signed it and it has not expired.
    pub fn verify(&self, token: &str, now: u64) -> Option<Claims> {
        let (text, signature) = token.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let is_ours: bool = signature.ct_eq(&self.sign(text.as_bytes())).into();
        let claims = is_ours.then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        (claims.expires > now).then_some(claims)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Claims {
    /// True if it allows this with a repository, or without a name with the list of all.
    pub fn allow(&self, right: Right, repository: Option<&str>) -> bool {
        let (kind, name) = repository.map_or(("registry", "catalog"), |name| ("repository", name));
        let wanted = match right {
            Right::Pull => "pull",
            Right::Push => "push",
        };
        self.access.iter().any(|scope| {
            let mut actions = scope.actions.iter();
            let is_allowed = actions.any(|action| action == wanted || action == "*");
            scope.kind == kind && scope.name == name && is_allowed
        })
    }
}

/// Reads scopes as clients write them: `repository:org/app:pull,push`, several separated by spaces. Of what makes no
/// sense nothing is granted.
pub fn scopes<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Scope> {
    let scopes = texts.into_iter().flat_map(str::split_whitespace);
    let read = scopes.filter_map(|text| {
        let (kind, rest) = text.split_once(':')?;
        // a repository's name has no colon
        let (name, actions) = rest.rsplit_once(':')?;
        Some(Scope {
            kind: kind.to_owned(),
            name: name.to_owned(),
            actions: actions.split(',').map(str::to_owned).collect(),
        })
    });
    read.take(MOST_SCOPES).collect()
}

/// The part of what is asked for that somebody gets who may do no more than read: nothing is left of what is for
/// writers.
pub fn for_readers(scopes: Vec<Scope>) -> Vec<Scope> {
    let reading = scopes.into_iter().map(|scope| Scope {
        actions: match &*scope.kind {
            "registry" => scope.actions,
            _ if scope
                .actions
                .iter()
                .any(|action| action == "pull" || action == "*") =>
            {
                vec!["pull".to_owned()]
            }
            _ => Vec::new(),
        },
        ..scope
    });
    reading.filter(|scope| !scope.actions.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_rfc_4231() {
        // its first case, whose key of 20 bytes is padded with zeros as ours of 32 is
        let mut key = [0u8; 32];
        key[..20].fill(0x0b);
        let signature = Key(key).sign(b"Hi There");
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
    }

    #[test]
    fn a_token_is_worth_what_it_says_until_it_expires_and_nothing_when_changed() {
        let (key, other) = (Key::new(b"random"), Key::new(b"other"));
        let claims = Claims {
            expires: 100,
            access: scopes(["repository:org/app:pull,push registry:catalog:*"]),
        };
        let token = key.issue(&claims);
        assert_eq!(key.verify(&token, 99), Some(claims.clone()));
        assert_eq!(key.verify(&token, 100), None);
        assert_eq!(other.verify(&token, 99), None);
        let (text, signature) = token.split_once('.').unwrap();
        for changed in [
            String::new(),
            ".".to_owned(),
            text.to_owned(),
            format!("{text}."),
            format!("x{token}"),
            format!("{}.{signature}", &text[1..]),
        ] {
            assert_eq!(key.verify(&changed, 99), None, "{changed}");
        }
    }

    #[test]
    fn rights_are_those_of_the_repository_alone() {
        let claims = |text: &str| Claims {
            expires: 1,
            access: scopes([text]),
        };
        for (scope, right, name, expected) in [
            ("repository:a:pull", Right::Pull, Some("a"), true),
            ("repository:a:pull", Right::Push, Some("a"), false),
            ("repository:a:pull", Right::Pull, Some("a/b"), false),
            ("repository:a:*", Right::Push, Some("a"), true),
            (
                "repository:a:pull repository:b:push",
                Right::Push,
                Some("b"),
                true,
            ),
            ("repository:a:pull", Right::Pull, None, false),
            ("registry:catalog:*", Right::Pull, None, true),
            ("registry:catalog:*", Right::Pull, Some("catalog"), false),
            ("nonsense", Right::Pull, Some("nonsense"), false),
        ] {
            assert_eq!(claims(scope).allow(right, name), expected, "{scope}");
        }
    }

    #[test]
    fn readers_get_no_more_than_reading() {
        let granted = for_readers(scopes([
            "repository:a:pull,push",
            "repository:b:push",
            "repository:c:*",
        ]));
        assert_eq!(granted, scopes(["repository:a:pull repository:c:pull"]));
    }
}
