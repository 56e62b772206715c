//! Anchors, aliases, tags and directives.

use std::borrow::Cow;

use crate::yaml::scanner::Scanner;
use crate::yaml::scanner::plain::push;
use crate::yaml::token::{Fault, TokenKind};

/// Longest number in `%YAML 1.1`.
const VERSION_DIGITS: usize = 2;

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_in_uri(byte: u8) -> bool {
    is_word(byte) || b";/?:@&=+$,.!~*'()[]".contains(&byte)
}

impl<'a> Scanner<'a> {
    /// `&anchor` or `*alias`.
    pub(super) fn scan_anchor(&mut self) -> Result<TokenKind<'a>, Fault> {
        let is_alias = self.cursor.byte(0) == b'*';
        self.cursor.take(1);
        let name = self.cursor.take_while(is_word);
        let may_follow = b"?:,]}%@`".contains(&self.cursor.byte(0));
        if name.is_empty() || !may_follow && !self.cursor.is_space_or_end(0) {
            return self.fault("did not find expected alphabetic or numeric character");
        }
        Ok(if is_alias {
            TokenKind::Alias(name)
        } else {
            TokenKind::Anchor(name)
        })
    }

    /// `!<whole>`, `!handle!suffix`, `!suffix` or `!`.
    pub(super) fn scan_tag(&mut self) -> Result<TokenKind<'a>, Fault> {
        let (handle, suffix) = if self.cursor.byte(1) == b'<' {
            self.cursor.take(2);
            let whole = self.scan_uri("")?;
            if self.cursor.byte(0) != b'>' {
                return self.fault("did not find the expected '>'");
            }
            self.cursor.take(1);
            ("", whole)
        } else {
            let handle = self.scan_handle()?;
            if handle.len() > 1 && handle.ends_with('!') {
                (handle, self.scan_uri("")?)
            } else {
                match self.scan_uri(handle)? {
                    nothing if nothing.is_empty() => ("", Cow::Borrowed("!")),
                    suffix => ("!", suffix),
                }
            }
        };
        if !self.cursor.is_space_or_end(0) {
            return self.fault("did not find expected whitespace or line break");
        }
        Ok(TokenKind::Tag { handle, suffix })
    }

    /// `!`, `!!` or `!word!`; or `!word`, which is no handle.
    fn scan_handle(&mut self) -> Result<&'a str, Fault> {
        if self.cursor.byte(0) != b'!' {
            return self.fault("did not find expected '!'");
        }
        let start = self.cursor.mark();
        self.cursor.take(1);
        self.cursor.take_while(is_word);
        if self.cursor.byte(0) == b'!' {
            self.cursor.take(1);
        }
        Ok(self.cursor.since(start))
    }

    /// What follows `head`, which is there already: its `!` is no part of the result.
    fn scan_uri(&mut self, head: &'a str) -> Result<Cow<'a, str>, Fault> {
        let mut uri = Cow::Borrowed(head.get(1..).unwrap_or_default());
        let start = self.cursor.mark();
        loop {
            push(&mut uri, self.cursor.take_while(is_in_uri));
            if self.cursor.byte(0) != b'%' {
                break;
            }
            let escaped = self.scan_uri_escape()?;
            uri.to_mut().push(escaped);
        }
        if head.is_empty() && self.cursor.mark() == start {
            return self.fault("did not find expected tag URI");
        }
        Ok(uri)
    }

    /// A character as octets: `%C3%A9`.
    fn scan_uri_escape(&mut self) -> Result<char, Fault> {
        let mut octets = Vec::new();
        loop {
            let digit = |ahead| char::from(self.cursor.byte(ahead)).to_digit(16);
            let (b'%', Some(high), Some(low)) = (self.cursor.byte(0), digit(1), digit(2)) else {
                return self.fault("did not find URI escaped octet");
            };
            octets.push(u8::try_from(high << 4 | low).expect("two digits"));
            match str::from_utf8(&octets) {
                Ok(text) => {
                    self.cursor.take(3);
                    return Ok(text.chars().next().expect("one octet at least"));
                }
                Err(error) if error.error_len().is_none() => {
                    self.cursor.take(3);
                }
                Err(_) if octets.len() == 1 => {
                    return self.fault("found an incorrect leading UTF-8 octet");
                }
                Err(_) => return self.fault("found an incorrect trailing UTF-8 octet"),
            }
        }
    }

    /// `%YAML 1.1` or `%TAG ! prefix`, with the end of its line.
    pub(super) fn scan_directive(&mut self) -> Result<TokenKind<'a>, Fault> {
        self.cursor.take(1);
        let name = self.cursor.take_while(is_word);
        if name.is_empty() {
            return self.fault("could not find expected directive name");
        }
        if !self.cursor.is_space_or_end(0) {
            return self.fault("found unexpected non-alphabetical character");
        }
        self.skip_blanks();
        let directive = match name {
            "YAML" => self.scan_version()?,
            "TAG" => self.scan_tag_directive()?,
            _ => return self.fault("found unknown directive name"),
        };
        self.scan_line_end()?;
        Ok(directive)
    }

    fn skip_blanks(&mut self) {
        self.cursor.take_while(|byte| matches!(byte, b' ' | b'\t'));
    }

    fn scan_version(&mut self) -> Result<TokenKind<'a>, Fault> {
        let major = self.scan_version_number()?;
        if self.cursor.byte(0) != b'.' {
            return self.fault("did not find expected digit or '.' character");
        }
        self.cursor.take(1);
        let minor = self.scan_version_number()?;
        Ok(TokenKind::VersionDirective { major, minor })
    }

    fn scan_version_number(&mut self) -> Result<u8, Fault> {
        let digits = self.cursor.take_while(|byte| byte.is_ascii_digit());
        match digits.parse() {
            _ if digits.is_empty() => self.fault("did not find expected version number"),
            Ok(number) if digits.len() <= VERSION_DIGITS => Ok(number),
            _ => self.fault("found extremely long version number"),
        }
    }

    fn scan_tag_directive(&mut self) -> Result<TokenKind<'a>, Fault> {
        let handle = self.scan_handle()?;
        if handle != "!" && !handle.ends_with('!') {
            return self.fault("did not find expected '!'");
        }
        if !self.cursor.is_blank() {
            return self.fault("did not find expected whitespace");
        }
        self.skip_blanks();
        let prefix = self.scan_uri("")?;
        if !self.cursor.is_space_or_end(0) {
            return self.fault("did not find expected whitespace or line break");
        }
        Ok(TokenKind::TagDirective { handle, prefix })
    }
}
