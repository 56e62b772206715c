//! Which definitions the release dropped and were kept (docs/components.md 10.2).

use crate::component::conditions::Reason;
use crate::component::status::KeptDefinition;
use crate::controller::reconcile::observation::Observation;
use crate::controller::reconcile::status::{Draft, Notice};

impl Draft {
    /// Those that were kept, if somebody has looked; else those that were known and are kept still.
    pub(super) fn kept_definitions(&mut self, o: &Observation) {
        let known = &mut self.status.kept_definitions;
        let Some(kept) = &o.kept else {
            known.retain(|one| o.marked.contains(&one.name));
            return;
        };
        let release = o.target().1;
        let kept = kept.iter().map(|name| KeptDefinition {
            name: name.clone(),
            message: sentence(&release, name),
        });
        let before = std::mem::replace(known, kept.collect());
        let is_new = |one: &&KeptDefinition| before.iter().all(|known| known.name != one.name);
        let new: Vec<KeptDefinition> = known.iter().filter(is_new).cloned().collect();
        for one in new {
            let action = format!("Keep/{}", one.name);
            self.tell(Notice::warning(
                Reason::DefinitionKept,
                action,
                &one.message,
            ));
        }
    }
}

fn sentence(release: &str, name: &str) -> String {
    format!(
        "release {release} no longer has definition {name}, which was kept, as all objects of its kind would be deleted \
         with it: nothing here deletes it any more. To remove it and all of them for good: kubectl delete crd {name}"
    )
}
