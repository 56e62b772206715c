//! What a plain connection can send from files instead of from the buffers that hyper holds.
//!
//! hyper sees the bytes of a body and nothing else, so a body that has the same bytes in a file says so here when it
//! yields them. When hyper then writes them, the kernel is asked to take them from the file, which saves it the copy.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::fs::sendfile;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::io::{AsyncWrite as _, Interest};
use tokio::net::TcpStream;

/// An open file that nobody writes to any more.
pub type SharedFile = Arc<dyn AsFd + Send + Sync>;

/// Bytes of the responses on one connection that lie in files too: an extension of every request that came over plain
/// HTTP/1. Clones share the list.
///
/// An entry keeps its bytes alive, so a slice of memory within them can be nothing else but them: whatever the order in
/// which entries come, go or are left behind, what is sent from a file is what would have been sent from memory.
#[derive(Clone, Default)]
pub struct Outgoing {
    // only ever locked by the connection's own task
    entries: Arc<Mutex<VecDeque<Entry>>>,
}

struct Entry {
    bytes: Bytes,
    file: SharedFile,
}

/// How a write begins.
enum Start {
    /// In a file, at this offset.
    File(SharedFile, u64),
    /// In memory, for so many slices.
    Memory(usize),
}

impl Outgoing {
    /// Says that `bytes`, the next that the connection gets to send, are also what `file` begins with.
    pub(super) fn lie_in_file(&self, bytes: &Bytes, file: &SharedFile) {
        let (bytes, file) = (bytes.clone(), Arc::clone(file));
        self.entries().push_back(Entry { bytes, file });
    }

    /// Forgets everything: nothing waits to be sent.
    pub(super) fn clear(&self) {
        self.entries().clear();
    }

    /// Writes what `bufs` begins with, from a file if it lies in one. Returns how many bytes were written.
    pub(super) fn poll_write(
        &self,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let start = self.start_of(bufs);
            if matches!(start, Start::Memory(count) if count == bufs.len()) {
                return Pin::new(stream).poll_write_vectored(cx, bufs);
            }
            ready!(stream.poll_write_ready(cx))?;
            let sent = match start {
                Start::File(file, offset) => self.send_file(stream, &file, offset, bufs[0].len()),
                Start::Memory(count) => {
                    stream.try_io(Interest::WRITABLE, || send(stream, &bufs[..count]))
                }
            };
            match sent {
                Err(error) if is_passing(&error) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// Sends a part of the first entry. If that does not work the entry is forgotten, to be sent from memory.
    fn send_file(
        &self,
        stream: &TcpStream,
        file: &SharedFile,
        offset: u64,
        len: usize,
    ) -> io::Result<usize> {
        let sent = stream.try_io(Interest::WRITABLE, || {
            let mut offset = offset;
            Ok(sendfile(stream, file, Some(&mut offset), len)?)
        });
        match sent {
            Ok(1..) => sent,
            Err(error) if is_passing(&error) => Err(error),
            Ok(0) | Err(_) => {
                self.entries().pop_front();
                Err(io::ErrorKind::Interrupted.into())
            }
        }
    }

    /// Also forgets the entries that were sent.
    fn start_of(&self, bufs: &[IoSlice<'_>]) -> Start {
        let mut entries = self.entries();
        if entries.is_empty() {
            return Start::Memory(bufs.len());
        }
        let find = |buf: &IoSlice<'_>| {
            entries
                .iter()
                .position(|entry| entry.offset_of(buf).is_some())
        };
        let Some((first, at)) = bufs.first().and_then(|first| Some((first, find(first)?))) else {
            return Start::Memory(
                bufs.iter()
                    .position(|buf| find(buf).is_some())
                    .unwrap_or(bufs.len()),
            );
        };
        entries.drain(..at);
        let entry = &entries[0];
        let offset = entry.offset_of(first).expect("it was just found");
        Start::File(Arc::clone(&entry.file), offset)
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("entries", &self.entries().len())
            .finish()
    }
}

impl Entry {
    /// Where in the file `buf` begins, if all of it lies there.
    fn offset_of(&self, buf: &[u8]) -> Option<u64> {
        let offset = buf
            .as_ptr()
            .addr()
            .checked_sub(self.bytes.as_ptr().addr())?;
        let within = !buf.is_empty() && offset.checked_add(buf.len())? <= self.bytes.len();
        within.then_some(offset as u64)
    }
}

/// Writes from memory what a file follows at once: the kernel need not send a short packet ahead of it.
fn send(stream: &TcpStream, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = SendFlags::NOSIGNAL | SendFlags::MORE;
    Ok(sendmsg(
        stream,
        bufs,
        &mut SendAncillaryBuffer::default(),
        flags,
    )?)
}

/// True if the same is worth trying again, once the socket is ready for it.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests;
