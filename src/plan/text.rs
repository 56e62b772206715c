//! A plan as text: the order as a table, then the tree, notes and problems. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::node_key::NodeKey;
use crate::planner::{Dependency, Plan, PlannedComponent, State};
use crate::terminal::Style;

/// The colours of the output, by meaning.
#[derive(Clone, Copy)]
enum Colour {
    Heading,
    Good,
    Added,
    Bad,
    Dim,
}

/// The whole text, ending in a line end.
pub fn text(plan: &Plan, style: Style) -> String {
    let mut page = Page {
        plan,
        style,
        out: String::new(),
        numbers: (plan.steps.iter().flatten().enumerate())
            .map(|(index, key)| (key, index + 1))
            .collect(),
        shown: BTreeSet::new(),
    };
    page.order();
    page.tree();
    page.notes();
    page.problems();
    page.out
}

struct Page<'a> {
    plan: &'a Plan,
    style: Style,
    out: String,
    /// The number in the order, of those that are installed.
    numbers: BTreeMap<&'a NodeKey, usize>,
    /// Those whose dependencies the tree has shown.
    shown: BTreeSet<&'a NodeKey>,
}

impl<'a> Page<'a> {
    fn paint(&self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Heading => "1",
            Colour::Good => "32",
            Colour::Added => "36",
            Colour::Bad => "31",
            Colour::Dim => "2",
        };
        self.style.paint(code, text)
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}");
    }

    fn heading(&mut self, text: &str) {
        let text = self.paint(Colour::Heading, text);
        self.line(&text);
    }

    fn order(&mut self) {
        let plan = self.plan;
        let (count, steps) = (self.numbers.len(), plan.steps.len());
        if count == 0 {
            self.heading("Nothing can be installed.");
            return;
        }
        let components = if count == 1 {
            "Component"
        } else {
            "Components"
        };
        let in_steps = if steps == 1 {
            "1 step"
        } else {
            &format!("{steps} steps")
        };
        let title = format!("Install order: {count} {components} in {in_steps}");
        self.heading(&title);
        let mut rows = vec![["STEP", "NO", "COMPONENT", "CHART", "VERSION"].map(str::to_owned)];
        let mut remarks = vec![String::new()];
        for (step, keys) in plan.steps.iter().enumerate() {
            for key in keys {
                let planned = &plan.components[key];
                rows.push([
                    (step + 1).to_string(),
                    self.numbers[key].to_string(),
                    plan.name(key),
                    planned.chart.clone(),
                    planned.version.clone().unwrap_or_else(|| "?".to_owned()),
                ]);
                remarks.push(self.added_for(key, planned));
            }
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: [usize; 5] = std::array::from_fn(|column| width(column).unwrap_or(0));
        for (index, (row, remark)) in rows.iter().zip(remarks).enumerate() {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let padded = format!("{cell:0$}  ", widths[column]);
                let colour = match (index, column) {
                    (0, _) => Colour::Dim,
                    (_, 4) => Colour::Good,
                    _ => {
                        line.push_str(&padded);
                        continue;
                    }
                };
                line.push_str(&self.paint(colour, &padded));
            }
            let line = format!("{line}{}", self.paint(Colour::Added, &remark));
            let line = match self.style {
                Style::Plain => line.trim_end().to_owned(),
                Style::Ansi => line,
            };
            self.line(&line);
        }
    }

    /// `added for grafana (^25)` for one that is in no manifest.
    fn added_for(&self, key: &NodeKey, planned: &PlannedComponent) -> String {
        if !planned.added {
            return String::new();
        }
        let requirers = self.plan.requirers(key).filter(|(_, edge)| !edge.optional);
        let requirers: Vec<String> = requirers
            .map(|(requirer, edge)| {
                let range = if edge.range.is_any() {
                    String::new()
                } else {
                    format!(" ({})", edge.range)
                };
                format!("{}{range}", self.plan.name(requirer))
            })
            .collect();
        format!("added for {}", requirers.join(", "))
    }

    fn tree(&mut self) {
        let plan = self.plan;
        self.out.push('\n');
        self.heading("Tree");
        let required: BTreeSet<&NodeKey> = (plan.components.values())
            .flat_map(|planned| {
                planned
                    .dependencies
                    .iter()
                    .filter_map(|edge| edge.target.as_ref())
            })
            .collect();
        let roots = plan.components.keys().filter(|key| !required.contains(key));
        for key in roots {
            self.branch(key, None, &mut Vec::new());
        }
        // those that are only reached through a cycle
        for key in plan.components.keys() {
            if !self.shown.contains(key) {
                self.branch(key, None, &mut Vec::new());
            }
        }
    }

    /// One Component and its dependencies; `lasts` has, for each level above, whether that was the last of its
    /// siblings.
    fn branch(&mut self, key: &'a NodeKey, edge: Option<&'a Dependency>, lasts: &mut Vec<bool>) {
        let plan = self.plan;
        let planned = &plan.components[key];
        let is_new = self.shown.insert(key);
        let mut line = stem(lasts);
        line.push_str(&self.paint(Colour::Heading, &plan.name(key)));
        if let Some(version) = &planned.version {
            let _ = write!(line, " {}", self.paint(Colour::Good, version));
        }
        if let Some(edge) = edge {
            line.push_str(&self.wish(edge));
        }
        let repeats = !is_new && !planned.dependencies.is_empty();
        let state = self.state(key, planned);
        let mut words: Vec<String> = [state]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        if repeats {
            words.push(self.paint(Colour::Dim, "see above"));
        }
        if !words.is_empty() {
            let _ = write!(line, "  {}", words.join(", "));
        }
        self.line(&line);
        if !is_new {
            return;
        }
        for (index, edge) in planned.dependencies.iter().enumerate() {
            lasts.push(index + 1 == planned.dependencies.len());
            match &edge.target {
                Some(target) => self.branch(target, Some(edge), lasts),
                None => {
                    let name = plan.name(&edge.wanted);
                    let wish = self.wish(edge);
                    let state = if edge.optional {
                        self.paint(Colour::Dim, "not there")
                    } else {
                        self.paint(Colour::Bad, "missing")
                    };
                    let line = format!("{}{name}{wish}  {state}", stem(lasts));
                    self.line(&line);
                }
            }
            lasts.pop();
        }
    }

    fn wish(&self, edge: &Dependency) -> String {
        let range = (!edge.range.is_any()).then(|| edge.range.to_string());
        let optional = edge.optional.then(|| "optional".to_owned());
        let words: Vec<String> = range.into_iter().chain(optional).collect();
        if words.is_empty() {
            return String::new();
        }
        let wish = format!("({})", words.join(", "));
        format!(" {}", self.paint(Colour::Dim, &wish))
    }

    fn state(&self, key: &NodeKey, planned: &PlannedComponent) -> String {
        match &planned.state {
            State::Install => {
                let number = self
                    .numbers
                    .get(key)
                    .map_or(String::new(), |n| format!("#{n}"));
                let number = self.paint(Colour::Dim, &number);
                if planned.added {
                    format!("{number} {}", self.paint(Colour::Added, "added"))
                } else {
                    number
                }
            }
            State::Untouched(annotation) => self.paint(Colour::Dim, annotation),
            State::Disabled => self.paint(Colour::Dim, "disabled"),
            State::Failed => {
                let reasons: BTreeSet<String> = (self.plan.problems.iter())
                    .filter(|problem| problem.on.contains(key))
                    .map(|problem| problem.reason.to_string())
                    .collect();
                let reasons: Vec<String> = reasons.into_iter().collect();
                self.paint(Colour::Bad, &reasons.join(", "))
            }
            State::Blocked(causes) => {
                let causes: Vec<String> =
                    causes.iter().map(|cause| self.plan.name(cause)).collect();
                self.paint(Colour::Bad, &format!("waits for {}", causes.join(", ")))
            }
        }
    }

    fn notes(&mut self) {
        let plan = self.plan;
        if plan.notes.is_empty() {
            return;
        }
        self.out.push('\n');
        self.heading("Notes");
        for note in &plan.notes {
            let note = self.paint(Colour::Dim, note);
            self.line(&format!("  {note}"));
        }
    }

    fn problems(&mut self) {
        let plan = self.plan;
        if plan.problems.is_empty() {
            return;
        }
        self.out.push('\n');
        self.heading("Problems");
        for problem in &plan.problems {
            let reason = self.paint(Colour::Bad, &problem.reason.to_string());
            self.line(&format!("  {reason}: {}", problem.message));
            let help = format!("    {}", problem.help);
            self.line(&help);
        }
    }
}

/// The lines of the tree in front of a Component.
fn stem(lasts: &[bool]) -> String {
    let Some((own, above)) = lasts.split_last() else {
        return String::new();
    };
    let mut stem: String = (above.iter())
        .map(|is_last| if *is_last { "   " } else { "│  " })
        .collect();
    stem.push_str(if *own { "└─ " } else { "├─ " });
    stem
}
