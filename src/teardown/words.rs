//! The output of a teardown: a line for each change, and at the end what is gone, what stays and what is left. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::node_key::NodeKey;
use crate::teardown::error::TeardownError;
use crate::teardown::left::Left;
use crate::terminal::Style;

/// The most names in a list.
const NAMED: usize = 20;

/// The lines, with colours or without.
pub struct Words {
    style: Style,
}

#[derive(Clone, Copy)]
enum Colour {
    Good,
    Working,
    Bad,
    Dim,
}

impl Words {
    /// Lines in this style.
    pub fn new(style: Style) -> Self {
        Self { style }
    }

    /// How many there are, and which.
    pub fn begin<'a>(&self, all: impl Iterator<Item = &'a Left>) -> String {
        let names: Vec<String> = all.map(|left| left.key.to_string()).collect();
        let all = if names.len() > NAMED {
            format!(
                "{}, and {} more",
                names[..NAMED].join(", "),
                names.len() - NAMED
            )
        } else {
            names.join(", ")
        };
        format!("taking down {}: {all}", components(names.len()))
    }

    /// One is gone.
    pub fn gone(&self, key: &NodeKey, left: usize) -> String {
        self.line(left, Colour::Good, "Gone", &key.to_string(), "")
    }

    /// The progress of one.
    pub fn state(&self, left: &Left, count: usize) -> String {
        let (phase, message) = left.state();
        let colour = match phase.as_str() {
            "Uninstalling" => Colour::Working,
            _ => Colour::Bad,
        };
        self.line(count, colour, &phase, &left.key.to_string(), &message)
    }

    /// One was created meanwhile.
    pub fn meanwhile(&self, key: &NodeKey) -> String {
        format!("{key} was created meanwhile: it goes too")
    }

    /// The API server refused a request.
    pub fn trouble(&self, error: &TeardownError) -> String {
        let text = crate::causes::chain(error);
        self.paint(
            Colour::Bad,
            &format!("{text}; trying again until the time is up"),
        )
    }

    /// Nothing has changed for a while.
    pub fn quiet(&self, since: Duration, force: bool) -> String {
        let look = if force {
            "look at what holds the Components: kubectl get components -A -o yaml"
        } else {
            "is the controller running? Its log says what it waits for; without a controller, chartroom teardown --force \
             takes the Components away and leaves their releases"
        };
        let text = format!("nothing has changed for {} s: {look}", since.as_secs());
        self.paint(Colour::Dim, &text)
    }

    /// All are gone; these releases stay.
    pub fn done(&self, count: usize, staying: &BTreeMap<(String, String), String>) -> String {
        let mut text = match count {
            0 => "there are no Components: nothing to take down\n".to_owned(),
            1 => "1 Component is gone\n".to_owned(),
            count => format!("{count} Components are gone\n"),
        };
        for ((namespace, name), why) in staying {
            let _ = writeln!(
                text,
                "release {name} in namespace {namespace} stays: {why}; helm uninstall {name} -n {namespace} removes it"
            );
        }
        text
    }

    fn line(&self, left: usize, colour: Colour, word: &str, name: &str, message: &str) -> String {
        let word = self.paint(colour, &format!("{word:<12}"));
        let line = format!("{:>4} left  {word}  {name}  {message}", left);
        line.trim_end().to_owned()
    }

    fn paint(&self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Good => "32",
            Colour::Working => "36",
            Colour::Bad => "33",
            Colour::Dim => "2",
        };
        self.style.paint(code, text)
    }
}

/// What is left at the timeout, why, and what to do.
pub fn left_over<'a>(
    all: impl ExactSizeIterator<Item = &'a Left>,
    timeout: Duration,
    force: bool,
) -> String {
    let count = all.len();
    if count == 0 {
        return format!(
            "the Components could not be listed within {} s: nothing was taken down",
            timeout.as_secs()
        );
    }
    let verb = if count == 1 { "is" } else { "are" };
    let mut text = format!(
        "{} {verb} left after {} s:",
        components(count),
        timeout.as_secs()
    );
    for left in all.take(NAMED) {
        let (phase, message) = left.state();
        let _ = write!(text, "\n  {}  {phase}: {message}", left.key);
    }
    if count > NAMED {
        let _ = write!(text, "\n  and {} more", count - NAMED);
    }
    text.push_str(if force {
        "\nTake away what holds them, and run this again."
    } else {
        "\nTheir deletion goes on as long as a controller runs. Remove what is in the way and run this again, with a longer \
         --timeout if it only was too slow; when there is no controller any more, add --force: the Components go, their \
         releases stay."
    });
    text
}

fn components(count: usize) -> String {
    match count {
        1 => "1 Component".to_owned(),
        count => format!("{count} Components"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::teardown::left::tests::left;

    fn some() -> Vec<Left> {
        let status = json!({"phase": "Uninstalling", "message": "uninstalling release a"});
        vec![
            left("a", json!({}), status),
            left("b", json!({"suspend": true}), json!({})),
        ]
    }

    #[test]
    fn lines_are_plain_in_a_pipe_and_coloured_on_a_terminal() {
        let (plain, ansi) = (Words::new(Style::Plain), Words::new(Style::Ansi));
        let all = some();
        assert_eq!(
            plain.begin(all.iter()),
            "taking down 2 Components: edge/a, edge/b"
        );
        assert_eq!(
            plain.state(&all[0], 2),
            "   2 left  Uninstalling  edge/a  uninstalling release a"
        );
        assert_eq!(
            plain.gone(&all[0].key, 1),
            "   1 left  Gone          edge/a"
        );
        assert_eq!(
            ansi.gone(&all[0].key, 1),
            "   1 left  \x1b[32mGone        \x1b[0m  edge/a"
        );
    }

    #[test]
    fn the_end_names_what_stays() {
        let words = Words::new(Style::Plain);
        let none = BTreeMap::new();
        assert_eq!(
            words.done(0, &none),
            "there are no Components: nothing to take down\n"
        );
        assert_eq!(words.done(1, &none), "1 Component is gone\n");
        let release = ("apps".to_owned(), "b".to_owned());
        let staying = BTreeMap::from([(release, "its Component was suspended".to_owned())]);
        assert_eq!(
            words.done(2, &staying),
            "2 Components are gone\nrelease b in namespace apps stays: its Component was suspended; \
             helm uninstall b -n apps removes it\n"
        );
    }

    #[test]
    fn what_is_left_is_named_with_its_reason_and_what_to_do() {
        let text = left_over(some().iter(), Duration::from_secs(90), false);
        assert!(text.starts_with(
            "2 Components are left after 90 s:\n  edge/a  Uninstalling: uninstalling release a\n  edge/b  Unknown: "
        ));
        assert!(text.contains("add --force"), "{text}");
        let many: Vec<Left> = (0..25)
            .map(|number| left(&format!("c{number}"), json!({}), json!({})))
            .collect();
        let text = left_over(many.iter(), Duration::from_secs(1), true);
        assert!(text.contains("\n  and 5 more\n"), "{text}");
        assert!(!text.contains("add --force"), "{text}");
    }
}
