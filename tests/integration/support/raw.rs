//! A bare socket, for requests that no well-behaved client would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection that sends what it is told.
pub struct RawConnection {
    stream: TcpStream,
}

impl RawConnection {
    pub async fn open(address: SocketAddr) -> RawConnection {
        let stream = TcpStream::connect(address)
            .await
            .expect("the server accepts connections");
        stream.set_nodelay(true).expect("a TCP socket");
        RawConnection { stream }
    }

    /// Sends these bytes; a server that has closed the connection is not a failure, its answer may still be read.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.ok();
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.ok();
    }

    /// What arrives up to and with `end`, or up to the end of the connection.
    pub async fn read_until(&mut self, end: &[u8], deadline: Duration) -> Vec<u8> {
        self.read_while(|all| !contains(all, end), deadline).await
    }

    /// All that arrives until the server closes the connection, as text.
    pub async fn read_to_end(&mut self, deadline: Duration) -> String {
        String::from_utf8_lossy(&self.read_while(|_| true, deadline).await).into_owned()
    }

    async fn read_while(&mut self, wanted: impl Fn(&[u8]) -> bool, deadline: Duration) -> Vec<u8> {
        let mut all = Vec::new();
        let reading = async {
            let mut piece = vec![0; 16 * 1024];
            while wanted(&all) {
                match self.stream.read(&mut piece).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => all.extend_from_slice(&piece[..read]),
                }
            }
        };
        if timeout(deadline, reading).await.is_err() {
            panic!(
                "the connection was open after {deadline:?}; it brought: {}",
                String::from_utf8_lossy(&all)
            );
        }
        all
    }
}

/// Sends one request on a connection of its own and returns everything the server answers until it closes.
///
/// The request should say `Connection: close`.
pub async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> String {
    let mut connection = RawConnection::open(address).await;
    connection.send(request).await;
    connection.read_to_end(Duration::from_secs(60)).await
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}
