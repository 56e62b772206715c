//! The object that an operation could not get past, as it was when that was first looked at.

use crate::controller::reconcile::observation::ObstacleState;
use crate::release::helm::Obstacle;
use crate::release::manifest::ObjectKey;

/// What is known of the object that is in the way, since the last operation.
#[derive(Default)]
pub struct Obstructed(Option<Known>);

struct Known {
    of: Obstacle,
    key: ObjectKey,
    /// `None` once it is gone.
    uid: Option<String>,
}

impl Obstructed {
    /// Which object this is, if that is known.
    pub fn key_of(&self, obstacle: &Obstacle) -> Option<ObjectKey> {
        self.known(obstacle).map(|known| known.key.clone())
    }

    /// Takes in that the object was found, or was not. One that was never seen is gone if somebody asks to look.
    pub fn seen(
        &mut self,
        obstacle: &Obstacle,
        found: Option<(ObjectKey, String)>,
        is_requested: bool,
    ) -> ObstacleState {
        let before = self.known(obstacle).map(|known| known.uid.clone());
        let (key, uid) = found.map_or_else(Default::default, |(key, uid)| (key, Some(uid)));
        let uid = match before {
            Some(None) => None,
            // another object of its name is not what was in the way
            Some(before) if before != uid => None,
            Some(same) => same,
            None if uid.is_none() && !is_requested => return ObstacleState::Unknown,
            None => uid,
        };
        let state = match uid {
            Some(_) => ObstacleState::Present,
            None => ObstacleState::Gone,
        };
        let of = obstacle.clone();
        self.0 = Some(Known { of, key, uid });
        state
    }

    /// What is known of the object, which could not be read now.
    pub fn not_seen(&self, obstacle: &Obstacle) -> ObstacleState {
        match self.known(obstacle) {
            None => ObstacleState::Unknown,
            Some(known) if known.uid.is_some() => ObstacleState::Present,
            Some(_) => ObstacleState::Gone,
        }
    }

    fn known(&self, obstacle: &Obstacle) -> Option<&Known> {
        self.0.as_ref().filter(|known| known.of == *obstacle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Obstacle {
        Obstacle {
            api_version: None,
            kind: "ConfigMap".to_owned(),
            namespace: None,
            name: name.to_owned(),
        }
    }

    fn found(uid: &str) -> Option<(ObjectKey, String)> {
        Some((ObjectKey::default(), uid.to_owned()))
    }

    #[test]
    fn an_object_is_gone_that_was_there() {
        let (web, mut seen) = (named("web"), Obstructed::default());
        assert_eq!(seen.seen(&web, None, false), ObstacleState::Unknown);
        assert_eq!(seen.seen(&web, found("1"), false), ObstacleState::Present);
        assert_eq!(seen.seen(&web, found("1"), true), ObstacleState::Present);
        assert_eq!(seen.not_seen(&web), ObstacleState::Present);
        assert_eq!(seen.seen(&web, None, false), ObstacleState::Gone);
        // until something was tried
        assert_eq!(seen.seen(&web, found("2"), false), ObstacleState::Gone);
        assert_eq!(
            seen.seen(&named("db"), found("3"), false),
            ObstacleState::Present
        );
    }

    #[test]
    fn an_object_that_was_made_anew_is_another() {
        let (web, mut seen) = (named("web"), Obstructed::default());
        assert_eq!(seen.seen(&web, found("1"), false), ObstacleState::Present);
        assert_eq!(seen.seen(&web, found("2"), false), ObstacleState::Gone);
    }

    #[test]
    fn who_asks_to_look_is_believed() {
        let (web, mut seen) = (named("web"), Obstructed::default());
        assert_eq!(seen.seen(&web, None, true), ObstacleState::Gone);
        assert_eq!(seen.seen(&web, None, false), ObstacleState::Gone);
    }
}
