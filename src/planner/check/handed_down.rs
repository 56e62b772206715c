//! Whether an implicit Component has the values that those who require it want (docs/components.md 11.8).

use crate::component::conditions::Reason;
use crate::component::implicit::Given;
use crate::component::status::DependencyState as State;
use crate::node_key::NodeKey;
use crate::planner::check::dependent::Dependent;
use crate::planner::check::finding::Finding;
use crate::planner::directory::Edge;
use crate::planner::graph::Strength;
use crate::planner::inherit::joined;
use crate::planner::node::Inherited;
use crate::planner::verdict::HandDown;

impl Dependent<'_> {
    /// The finding about a Component that is there, with the values that it is to get.
    pub(super) fn with_values(&self, edge: &Edge, target: usize, finding: Finding) -> Finding {
        let node = self.planner.node(target);
        let may_change = edge.strength() == Strength::Required
            && node.is_alive()
            && !node.left_alone
            && finding.status.state != State::Cycle;
        let Some(inherited) = node.inherited.as_ref().filter(|_| may_change) else {
            return finding;
        };
        let given = self.given(target, inherited);
        let (values, unheard) = joined(&given, self.by_age(&given).into_iter());
        let me = &self.me().key;
        let name = self.name(&node.key);
        let mine = unheard.iter().filter(|one| one.loser == *me);
        let unheard = mine
            .map(|one| one.sentence(&name, &self.name(&one.winner)))
            .collect();
        let is_other = values != inherited.values;
        let hand_down = (is_other || given != inherited.given).then(|| HandDown {
            key: node.key.clone(),
            values,
            given,
        });
        let finding = if finding.obstacle.is_none() && is_other {
            let status = edge.status(&node.key, node.version.clone(), State::Installing);
            let message = format!("waits for {name}: it gets the values that are wanted of it");
            Finding::obstacle(status, Reason::DependencyInstalling, message)
        } else {
            finding
        };
        Finding {
            hand_down,
            unheard,
            ..finding
        }
    }

    /// What each wants that requires it still, this Component as of now.
    fn given(&self, target: usize, inherited: &Inherited) -> Given {
        let mut given = inherited.given.clone();
        given.retain(|key, _| self.requires(key, target));
        let mut own = self.edges.iter().filter(|edge| edge.leads_to(target));
        let wanted = own.find_map(|edge| edge.requirement.values.as_ref()?.as_object());
        let me = self.me().key.clone();
        match wanted {
            Some(values) => given.insert(me, values.clone()),
            None => given.remove(&me),
        };
        given
    }

    /// True if another requires it, or may: what one requires that is not settled is not known.
    fn requires(&self, requirer: &NodeKey, target: usize) -> bool {
        let Some(place) = self.planner.directory.place(requirer) else {
            return false;
        };
        let node = self.planner.node(place);
        let mut known = self.planner.relations.graph.required(place);
        node.is_alive() && (!node.is_settled || known.any(|to| to == target))
    }

    /// Those that want something, the oldest first.
    fn by_age<'b>(&self, given: &'b Given) -> Vec<&'b NodeKey> {
        let mut keys: Vec<&NodeKey> = given.keys().collect();
        keys.sort_by_key(|key| {
            let place = self.planner.directory.place(key);
            place.map(|place| self.planner.node(place).seniority())
        });
        keys
    }
}
