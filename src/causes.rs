//! Errors with their causes, as text. Pure.

use std::error::Error;

/// An error and all its causes on one line, from the outermost in: `a: b: c`. A cause that the text has already
/// is not repeated.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
