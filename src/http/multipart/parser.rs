//! The grammar of `multipart/form-data` (RFC 7578, RFC 2046), read piece by piece. Pure: bytes in, pieces out.

/// Bytes of one part's headers.
const MAX_HEADERS: usize = 16 * 1024;

/// Parts of one form. A form of ours has two.
const MAX_PARTS: usize = 1000;

/// What a form consists of, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A part begins.
    Part(Part),
    /// More of the part's content.
    Data(&'a [u8]),
}

/// What a part says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// The form field; empty if it has no name.
    pub name: String,
    /// It has a file name, which is otherwise of no interest.
    pub is_file: bool,
}

/// The bytes are not a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Keeps only what it cannot judge yet: the headers of a part, or the start of what may be a boundary.
#[derive(Debug)]
pub(super) struct Parser {
    /// CR LF, two dashes, the boundary.
    delimiter: Vec<u8>,
    state: State,
    /// Bytes seen but not judged.
    pending: Vec<u8>,
    /// How much of `pending` was already searched for the end of a line or of headers.
    searched: usize,
    parts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first boundary; content is skipped.
    Preamble,
    /// Behind a boundary: dashes, or the rest of its line.
    AfterBoundary,
    Headers,
    Data,
    /// Behind the last boundary; everything is skipped.
    Epilogue,
}

impl Parser {
    pub(super) fn new(boundary: &str) -> Self {
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        // a boundary on the very first line has no line end before it: supply one
        Self {
            delimiter,
            state: State::Preamble,
            pending: b"\r\n".to_vec(),
            searched: 0,
            parts: 0,
        }
    }

    /// True once the last boundary was seen.
    pub(super) fn is_complete(&self) -> bool {
        self.state == State::Epilogue
    }

    /// Reads on; hands out what is certain.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        mut emit: impl FnMut(Piece<'_>),
    ) -> Result<(), Malformed> {
        if self.pending.is_empty() {
            let used = self.read(chunk, &mut emit)?;
            self.pending.extend_from_slice(&chunk[used..]);
        } else {
            let mut joined = std::mem::take(&mut self.pending);
            joined.extend_from_slice(chunk);
            let used = self.read(&joined, &mut emit)?;
            joined.drain(..used);
            self.pending = joined;
        }
        Ok(())
    }

    /// Takes as many steps as possible; says how many bytes they took.
    fn read(&mut self, bytes: &[u8], emit: &mut impl FnMut(Piece<'_>)) -> Result<usize, Malformed> {
        let mut used = 0;
        while let Some(step) = self.step(&bytes[used..], emit)? {
            used += step;
        }
        Ok(if self.state == State::Epilogue {
            bytes.len()
        } else {
            used
        })
    }

    /// One step of the grammar: how many bytes it took, `None` if more are needed.
    fn step(
        &mut self,
        rest: &[u8],
        emit: &mut impl FnMut(Piece<'_>),
    ) -> Result<Option<usize>, Malformed> {
        match self.state {
            State::Preamble | State::Data => {
                let (content, found) = split_at_delimiter(rest, &self.delimiter);
                if self.state == State::Data && !content.is_empty() {
                    emit(Piece::Data(content));
                }
                if found {
                    self.state = State::AfterBoundary;
                    return Ok(Some(content.len() + self.delimiter.len()));
                }
                Ok((!content.is_empty()).then_some(content.len()))
            }
            State::AfterBoundary => {
                if rest.starts_with(b"--") {
                    self.state = State::Epilogue;
                    return Ok(None);
                }
                let Some(end) = self.find(rest, b"\r\n")? else {
                    return Ok(None);
                };
                if !rest[..end].trim_ascii().is_empty() {
                    return Err(Malformed);
                }
                self.state = State::Headers;
                // the line end stays: it is half of the empty line if the part has no headers
                Ok(Some(end))
            }
            State::Headers => {
                let Some(end) = self.find(rest, b"\r\n\r\n")? else {
                    return Ok(None);
                };
                self.parts += 1;
                if self.parts > MAX_PARTS {
                    return Err(Malformed);
                }
                emit(Piece::Part(part(&rest[..end])));
                self.state = State::Data;
                Ok(Some(end + 4))
            }
            State::Epilogue => Ok(None),
        }
    }

    /// Where `end` is in text of at most [`MAX_HEADERS`] bytes; looks at no byte twice, however small the chunks are.
    fn find(&mut self, rest: &[u8], end: &[u8]) -> Result<Option<usize>, Malformed> {
        let found = rest[self.searched..]
            .windows(end.len())
            .position(|window| window == end);
        let at = found.map(|at| at + self.searched);
        self.searched = if at.is_some() {
            0
        } else {
            (rest.len() + 1).saturating_sub(end.len())
        };
        if at.unwrap_or(rest.len()) > MAX_HEADERS {
            Err(Malformed)
        } else {
            Ok(at)
        }
    }
}

/// What certainly comes before the delimiter, and whether the delimiter follows it. What may be the delimiter's start is
/// left out.
fn split_at_delimiter<'a>(bytes: &'a [u8], delimiter: &[u8]) -> (&'a [u8], bool) {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == delimiter[0]) {
        let (before, rest) = bytes.split_at(from + at);
        if rest.starts_with(delimiter) {
            return (before, true);
        }
        if delimiter.starts_with(rest) {
            return (before, false);
        }
        from += at + 1;
    }
    (bytes, false)
}

/// Reads a part's headers.
fn part(headers: &[u8]) -> Part {
    let headers = String::from_utf8_lossy(headers);
    let disposition = headers.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    });
    let Some((kind, parameters)) = disposition.and_then(|value| value.split_once(';')) else {
        return Part::default();
    };
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Part::default();
    }
    let given = |name| parameter(parameters, name).filter(|value| !value.is_empty());
    Part {
        name: given("name").unwrap_or_default(),
        is_file: given("filename").or_else(|| given("filename*")).is_some(),
    }
}

/// The value of a parameter in `a=b; c="d \"e\""`. Names are compared without case.
pub(super) fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

/// Reads to the closing quote: the value, and what follows the quote. A backslash counts only before a quote or another
/// one, because some clients send Windows paths as they are.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => match characters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            character => value.push(character),
        }
    }
    None
}
