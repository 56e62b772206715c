//! How text looks on a terminal.

/// Whether headings and words stand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With ANSI escapes, for a terminal.
    Ansi,
}

impl Style {
    /// The text in a colour, by its ANSI code such as `32`; as it is where there are none.
    pub fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Ansi if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Ansi | Self::Plain => text.to_owned(),
        }
    }
}
