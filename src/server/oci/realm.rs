//! Where tokens are handed out, as the client sees it.

use http::header::HOST;
use http::{HeaderName, Uri};

use super::Call;

/// The address that this server has for the client: its own scheme and the host that was asked for, or what a proxy in
/// front says they are.
pub fn of(call: &Call<'_>, is_https: bool) -> String {
    let forwarded = |name| call.header(HeaderName::from_static(name));
    let scheme = match forwarded("x-forwarded-proto") {
        Some("https") => "https",
        Some("http") => "http",
        _ if is_https => "https",
        _ => "http",
    };
    let host = forwarded("x-forwarded-host")
        .or_else(|| call.header(HOST))
        .or_else(|| {
            call.head
                .uri
                .authority()
                .map(|authority| authority.as_str())
        });
    let host = host.filter(|host| is_host(host)).unwrap_or("localhost");
    format!("{scheme}://{host}/v2/_token")
}

/// Nothing that could end the text that it becomes part of.
fn is_host(text: &str) -> bool {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    text.chars().all(is_plain) && format!("http://{text}/").parse::<Uri>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_cannot_say_more_than_a_host() {
        for good in ["a", "a.b:80", "127.0.0.1:8080", "[::1]:80"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "a\"b", "a/b", "a b", "a,b", "a@b"] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
