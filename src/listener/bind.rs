//! Taking the address to listen on.

use std::io;

use tokio::net::TcpListener;

/// The address cannot be listened on. The text says what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", advice(.source))]
pub struct BindError {
    /// As configured: `host:port`.
    address: String,
    /// What the system said.
    source: io::Error,
}

fn advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program is using this port; stop it or choose another port with --port".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE, choose a higher one with --port".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; correct it with --listen-host".to_owned()
        }
        _ => format!("{error} (check --listen-host and --port)"),
    }
}

/// Listens on `host:port`; port 0 takes any free one. The host may be a name or an address, with or without the
/// brackets of IPv6.
///
/// # Errors
/// [`BindError`] if the name is unknown or none of its addresses can be taken.
pub async fn bind(host: &str, port: u16) -> Result<TcpListener, BindError> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    TcpListener::bind((bare, port)).await.map_err(|source| {
        let address = if bare.contains(':') {
            format!("[{bare}]:{port}")
        } else {
            format!("{bare}:{port}")
        };
        BindError { address, source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_names_the_address_and_what_to_do() {
        let taken = bind("127.0.0.1", 0).await.expect("a free port");
        let port = taken.local_addr().expect("an address").port();
        let error = bind("127.0.0.1", port)
            .await
            .expect_err("the port is taken")
            .to_string();
        assert_eq!(
            error,
            format!(
                "cannot listen on 127.0.0.1:{port}: another program is using this port; \
                 stop it or choose another port with --port"
            )
        );
        // 192.0.2.0/24 is reserved for documentation: no machine has it
        let error = bind("192.0.2.1", 0)
            .await
            .expect_err("not our address")
            .to_string();
        assert!(
            error.starts_with(
                "cannot listen on 192.0.2.1:0: this machine does not have that address"
            ),
            "{error}"
        );
    }
}
