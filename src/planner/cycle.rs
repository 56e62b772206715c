//! Cycles: groups of Components that reach each other (Tarjan's strongly connected components).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use crate::node_key::NodeKey;
use crate::planner::graph::Graph;

/// A closed walk through Components that wait for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    path: Vec<NodeKey>,
}

impl Cycle {
    /// The walk from the smallest member through all members back to it. Where several cycles overlap, members
    /// may appear more than once.
    pub fn path(&self) -> &[NodeKey] {
        &self.path
    }

    /// Each member once, in the order of keys.
    pub fn members(&self) -> BTreeSet<&NodeKey> {
        self.path.iter().collect()
    }

    /// The walk through `members` (places in `graph`), which all reach each other by `edges`.
    pub(super) fn through(members: &[usize], edges: &[Vec<usize>], graph: &Graph) -> Self {
        let mut left: BTreeSet<usize> = members.iter().copied().collect();
        let inside = left.clone();
        let start = *left.first().expect("a cycle has a member");
        let mut path = vec![start];
        let mut at = start;
        // the start comes last: it is the only one that is reached again on purpose
        left.remove(&start);
        while !left.is_empty() {
            let steps = shortest(at, &left, &inside, edges);
            left.retain(|member| !steps.contains(member));
            path.extend(&steps);
            at = *path.last().expect("it has a start");
        }
        path.extend(shortest(at, &BTreeSet::from([start]), &inside, edges));
        Self {
            path: (path.into_iter())
                .map(|place| graph.key(place).clone())
                .collect(),
        }
    }
}

/// Names where all members are in one namespace, else namespaces too: `a → b → a`.
impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let home = &self.path[0].namespace;
        let is_local = self.path.iter().all(|key| key.namespace == *home);
        for (index, key) in self.path.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " → " })?;
            if is_local {
                f.write_str(&key.name)?;
            } else {
                write!(f, "{key}")?;
            }
        }
        Ok(())
    }
}

/// The steps from `from` (left out) to the nearest of `wanted`; at least one step. Neighbours are tried in order.
fn shortest(
    from: usize,
    wanted: &BTreeSet<usize>,
    inside: &BTreeSet<usize>,
    edges: &[Vec<usize>],
) -> Vec<usize> {
    let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for &next in edges[at].iter().filter(|next| inside.contains(next)) {
            if came_from.contains_key(&next) {
                continue;
            }
            came_from.insert(next, at);
            if wanted.contains(&next) {
                let mut steps = vec![next];
                let mut back = at;
                while back != from {
                    steps.push(back);
                    back = came_from[&back];
                }
                steps.reverse();
                return steps;
            }
            queue.push_back(next);
        }
    }
    unreachable!("members of a strongly connected component reach each other")
}

/// Tarjan's algorithm without recursion. Groups come after those that their edges lead to; members are sorted.
pub(super) fn strong_components(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let mut found = vec![NEW; edges.len()];
    let mut low = vec![0; edges.len()];
    let mut on_stack = vec![false; edges.len()];
    let mut stack = Vec::new();
    let mut components = Vec::new();
    let mut clock = 0;
    for root in 0..edges.len() {
        if found[root] != NEW {
            continue;
        }
        // a node, and how many of its edges have been followed
        let mut calls = vec![(root, 0)];
        while let Some((node, followed)) = calls.pop() {
            if followed == 0 {
                found[node] = clock;
                low[node] = clock;
                clock += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            if let Some(&next) = edges[node].get(followed) {
                calls.push((node, followed + 1));
                if found[next] == NEW {
                    calls.push((next, 0));
                } else if on_stack[next] {
                    low[node] = low[node].min(found[next]);
                }
                continue;
            }
            if let Some(&(caller, _)) = calls.last() {
                low[caller] = low[caller].min(low[node]);
            }
            if low[node] == found[node] {
                let start = stack
                    .iter()
                    .rposition(|member| *member == node)
                    .expect("a node stays on the stack until its component is complete");
                let mut component = stack.split_off(start);
                for member in &component {
                    on_stack[*member] = false;
                }
                component.sort_unstable();
                components.push(component);
            }
        }
    }
    components
}
