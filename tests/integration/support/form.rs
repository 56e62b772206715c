//! Multipart forms, byte by byte.

use bytes::Bytes;

/// Sixty hex digits, as Go's client makes them.
const BOUNDARY: &str = "5eab1ec0ffee5eab1ec0ffee5eab1ec0ffee5eab1ec0ffee5eab1ec0ffee";

/// A `multipart/form-data` body.
#[derive(Clone, Default)]
pub struct Form {
    parts: Vec<u8>,
}

impl Form {
    pub fn new() -> Form {
        Form::default()
    }

    /// A file part, with the file name that clients of the command line send: a full local path.
    pub fn file(self, field: &str, file_name: &str, content: &[u8]) -> Form {
        let header = format!(
            "Content-Disposition: form-data; name=\"{field}\"; filename=\"/tmp/helm-push-123/{file_name}\"\r\n\
             Content-Type: application/octet-stream"
        );
        self.part(&header, content)
    }

    /// A plain value, which is not a file.
    pub fn value(self, field: &str, content: &[u8]) -> Form {
        self.part(
            &format!("Content-Disposition: form-data; name=\"{field}\""),
            content,
        )
    }

    /// A part with headers of one's own.
    pub fn part(mut self, headers: &str, content: &[u8]) -> Form {
        self.parts
            .extend_from_slice(format!("--{BOUNDARY}\r\n{headers}\r\n\r\n").as_bytes());
        self.parts.extend_from_slice(content);
        self.parts.extend_from_slice(b"\r\n");
        self
    }

    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    pub fn body(&self) -> Bytes {
        let mut body = self.parts.clone();
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        body.into()
    }
}
