//! The gate before an operation: one look at every dependency, and what comes of them together.

use std::collections::BTreeSet;

use crate::component::conditions::Reason;
use crate::component::status::{DependencyState, DependencyStatus};
use crate::controller::network::edges::{Edge, Found};
use crate::controller::network::supply::{Question, Supply};
use crate::controller::network::together::together;
use crate::controller::network::verdict::{Gate, ImplicitComponent, Retarget, Verdict};
use crate::controller::network::words::and;
use crate::controller::network::{Member, Network};
use crate::topology::{Cycle, Demand, Graph, NodeKey, Requirement, Strength, union};

/// Why a dependency is in the way.
#[derive(Debug)]
pub(super) struct Obstacle {
    pub(super) reason: Reason,
    pub(super) message: String,
}

/// What a look at one dependency found.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) status: DependencyStatus,
    /// `None` if it is not in the way.
    pub(super) obstacle: Option<Obstacle>,
    pub(super) create: Option<ImplicitComponent>,
    pub(super) retarget: Option<Retarget>,
}

impl Finding {
    pub(super) fn clear(status: DependencyStatus) -> Self {
        Self {
            status,
            obstacle: None,
            create: None,
            retarget: None,
        }
    }

    pub(super) fn obstacle(status: DependencyStatus, reason: Reason, message: String) -> Self {
        Self {
            obstacle: Some(Obstacle { reason, message }),
            ..Self::clear(status)
        }
    }
}

/// One Component and the edges that it has right now.
pub(super) struct Look<'a> {
    pub(super) network: &'a Network,
    pub(super) own: usize,
    pub(super) edges: Vec<Edge>,
    /// The cycle that the Component is in by these edges.
    pub(super) cycle: Option<Cycle>,
    /// Where its edges lead to that lead back to it, optional ones counted: no order is kept among these.
    pub(super) circular: BTreeSet<usize>,
}

impl Network {
    /// Looks at what a Component depends on: `spec.dependsOn` and what its chart, just resolved, `requires`. Its own
    /// recorded dependencies do not count. Called on every pass for the status; the verdict matters only before an
    /// operation (contract section 2.3, step 7).
    pub fn gate(&self, key: &NodeKey, requires: &[Requirement], supply: &dyn Supply) -> Gate {
        let Some(look) = self.look(key, requires) else {
            return Gate {
                verdict: Verdict::Waiting {
                    reason: Reason::DependencyNotReady,
                    message: format!("waits for the news of Component {key}"),
                },
                dependencies: Vec::new(),
                create: Vec::new(),
                retarget: Vec::new(),
            };
        };
        let findings = (look.edges.iter()).map(|edge| look.judge(edge, supply));
        together(look.cycle.as_ref(), findings.collect())
    }

    /// What [`Network::gate`] will want to know, each question once.
    pub fn questions(&self, key: &NodeKey, requires: &[Requirement]) -> Vec<Question> {
        let Some(look) = self.look(key, requires) else {
            return Vec::new();
        };
        let mut questions = BTreeSet::new();
        for edge in &look.edges {
            match edge.found {
                Found::One(target) => questions.extend(look.question_of(target, edge)),
                Found::Nobody => questions.extend(look.questions_of_missing(edge)),
                Found::Several(_) | Found::OtherChart(_) => {}
            }
        }
        questions.into_iter().collect()
    }

    fn look(&self, key: &NodeKey, requires: &[Requirement]) -> Option<Look<'_>> {
        let own = self.directory.place(key)?;
        let declared = union(&key.namespace, &self.member(own).depends_on, requires);
        let edges: Vec<Edge> = declared
            .into_iter()
            .map(|declared| self.directory.edge(key, declared.requirement))
            .collect();
        let cycle = self.cycle_through(own, &edges);
        let circular = self.circular(own, &edges);
        Some(Look {
            network: self,
            own,
            edges,
            cycle,
            circular,
        })
    }

    /// The cycle that `own` is in if these are its edges.
    fn cycle_through(&self, own: usize, edges: &[Edge]) -> Option<Cycle> {
        let targets = targets(edges, Strength::Required);
        let now: BTreeSet<usize> = targets.iter().copied().collect();
        if now == self.required(own).collect() {
            return self.cycle_of[own].map(|number| self.cycles[number].clone());
        }
        let mut reached: BTreeSet<usize> = BTreeSet::new();
        let mut next = targets.clone();
        while let Some(index) = next.pop() {
            if reached.insert(index) && index != own {
                next.extend(self.required(index));
            }
        }
        if !reached.contains(&own) {
            return None;
        }
        let mut graph = Graph::default();
        for &index in &reached {
            let onward = if index == own {
                targets.clone()
            } else {
                self.required(index).collect()
            };
            for target in onward {
                let (from, to) = (&self.member(index).key, &self.member(target).key);
                graph.require(from.clone(), to.clone(), Strength::Required);
            }
        }
        graph.order().cycle_of(&self.member(own).key).cloned()
    }

    /// Targets of these edges from which other edges lead back to `own`.
    fn circular(&self, own: usize, edges: &[Edge]) -> BTreeSet<usize> {
        let is_soft = edges
            .iter()
            .any(|edge| edge.strength() == Strength::Optional);
        if !is_soft {
            return BTreeSet::new();
        }
        let mut leads_back: BTreeSet<usize> = BTreeSet::new();
        let mut next = vec![own];
        while let Some(index) = next.pop() {
            if leads_back.insert(index) {
                next.extend(self.requirers_of_any_kind(index));
            }
        }
        leads_back
    }

    /// Who has an edge to a member, those included that are not respected.
    fn requirers_of_any_kind(&self, index: usize) -> impl Iterator<Item = usize> {
        let interested = self.interest.get(&self.member(index).key);
        let leads_here = move |edge: &Edge| edge.found == Found::One(index);
        (interested.into_iter().flatten().copied())
            .filter(move |from| self.edges[*from].iter().any(leads_here))
    }
}

impl<'a> Look<'a> {
    pub(super) fn me(&self) -> &'a Member {
        self.network.member(self.own)
    }

    /// The name as it stands in this Component's messages.
    pub(super) fn name(&self, key: &NodeKey) -> String {
        key.seen_from(&self.me().key.namespace)
    }

    fn judge(&self, edge: &Edge, supply: &dyn Supply) -> Finding {
        match &edge.found {
            Found::One(target) => self.judge_present(edge, *target, supply),
            Found::Nobody => self.judge_missing(edge, supply),
            Found::Several(several) => {
                let names: Vec<String> = several
                    .iter()
                    .map(|index| self.name(&self.network.member(*index).key))
                    .collect();
                let chart = edge.requirement.chart();
                let message = format!(
                    "no Component is named {}, and {} all have the chart {chart}; name one of them in spec.dependsOn",
                    self.name(&edge.wanted),
                    and(&names)
                );
                self.ambiguous(edge, message)
            }
            Found::OtherChart(other) => {
                let other = self.network.member(*other);
                let message = format!(
                    "{} is needed of the chart {}, but was created with the chart {} for others; write a \
                     Component with another name and the chart {1}",
                    self.name(&edge.wanted),
                    edge.requirement.chart(),
                    other.chart_name
                );
                self.ambiguous(edge, message)
            }
        }
    }

    fn ambiguous(&self, edge: &Edge, message: String) -> Finding {
        let status = edge.status(&edge.wanted, None, DependencyState::Ambiguous);
        match edge.strength() {
            Strength::Optional => Finding::clear(status),
            Strength::Required => Finding::obstacle(status, Reason::DependencyAmbiguous, message),
        }
    }

    /// What this Component and all others demand of a member, or of one that is missing; the oldest first.
    pub(super) fn demands(
        &self,
        known: impl Iterator<Item = (usize, &'a Edge)>,
        own: &[&Edge],
    ) -> Vec<Demand> {
        let network = self.network;
        let others = known.filter(|(index, edge)| {
            *index != self.own
                && network.member(*index).is_alive()
                && edge.strength() == Strength::Required
        });
        let mut all: Vec<(usize, &Edge)> = others.collect();
        let own = own
            .iter()
            .filter(|edge| edge.strength() == Strength::Required);
        all.extend(own.map(|edge| (self.own, *edge)));
        // stable: of one requirer, the user's words come first
        all.sort_by(|(a, _), (b, _)| {
            let (a, b) = (network.member(*a), network.member(*b));
            a.seniority().cmp(&b.seniority())
        });
        all.into_iter()
            .map(|(index, edge)| Demand {
                requirer: network.member(index).key.clone(),
                range: edge.requirement.range.clone(),
            })
            .collect()
    }
}

fn targets(edges: &[Edge], strength: Strength) -> Vec<usize> {
    let strong = edges.iter().filter(|edge| edge.strength() == strength);
    let found = strong.filter_map(|edge| match edge.found {
        Found::One(target) => Some(target),
        _ => None,
    });
    found.collect()
}
