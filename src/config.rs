//! What was typed, set or written in a file, turned into one validated [`Config`].
