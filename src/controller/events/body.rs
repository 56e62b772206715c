//! Events as the API server takes them: it refuses names, reasons and notes that are too long.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::component::conditions::Reason;
use crate::controller::events::EventKind;
use crate::controller::events::fold::EventKey;
use crate::ellipsis::within_bytes;

/// Bytes of an action or an instance.
pub const SHORT: usize = 128;
/// Bytes of a note.
const NOTE: usize = 1024;
/// Bytes of the object's name at the start of an event's name; the rest makes it unique.
const NAME: usize = 200;

/// `reportingController`.
const CONTROLLER: &str = "chartroom.theriseunion.io/component-controller";

/// The start of `text` in at most `bytes` bytes of whole characters.
pub fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The identity of an event, with every text as it will be sent.
pub fn key(
    reference: &ObjectReference,
    kind: EventKind,
    reason: Reason,
    action: &str,
    note: &str,
) -> EventKey {
    let object = reference.uid.clone().unwrap_or_else(|| {
        let [kind, namespace, name] =
            [&reference.kind, &reference.namespace, &reference.name].map(Option::as_deref);
        [kind, namespace, name]
            .map(Option::unwrap_or_default)
            .join("/")
    });
    // an event must have an action
    let action = if action.is_empty() {
        reason.as_str()
    } else {
        action
    };
    EventKey {
        object,
        kind: kind.as_str(),
        reason: reason.as_str(),
        action: cut(action, SHORT).to_owned(),
        note: within_bytes(note, NOTE),
    }
}

/// A new event.
pub fn event(
    reference: &ObjectReference,
    namespace: &str,
    key: &EventKey,
    instance: &str,
    now: Timestamp,
) -> Event {
    let object = reference.name.as_deref().unwrap_or("component-controller");
    let object = cut(object, NAME).trim_end_matches(['.', '-']);
    let unlike: String = uuid::Uuid::new_v4().simple().to_string();
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{object}.{}", cut(&unlike, 16))),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        type_: Some(key.kind.to_owned()),
        reason: Some(key.reason.to_owned()),
        action: Some(key.action.clone()),
        note: Some(key.note.clone()).filter(|note| !note.is_empty()),
        event_time: Some(MicroTime(now)),
        regarding: Some(reference.clone()),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(instance.to_owned()),
        ..Event::default()
    }
}

/// The patch for an event that occurred `count` times, the last time now.
pub fn series(count: i32, now: Timestamp) -> Value {
    json!({"series": {"count": count, "lastObservedTime": MicroTime(now)}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nats() -> ObjectReference {
        ObjectReference {
            kind: Some("Component".to_owned()),
            name: Some("nats".to_owned()),
            namespace: Some("apps".to_owned()),
            uid: Some("u-1".to_owned()),
            ..ObjectReference::default()
        }
    }

    fn key_of(action: &str, note: &str) -> EventKey {
        key(
            &nats(),
            EventKind::Warning,
            Reason::InstallFailed,
            action,
            note,
        )
    }

    #[test]
    fn texts_are_cut_between_characters() {
        for (text, bytes, expected) in [
            ("abc", 3, "abc"),
            ("abc", 2, "ab"),
            ("aé", 2, "a"),
            ("é", 1, ""),
            ("", 5, ""),
        ] {
            assert_eq!(cut(text, bytes), expected);
        }
    }

    #[test]
    fn a_note_is_at_most_a_kilobyte_and_shows_that_it_was_cut() {
        for (note, length) in [
            ("x".repeat(1024), 1024),
            ("x".repeat(1025), 1024),
            ("é".repeat(600), 1023),
        ] {
            let note_sent = key_of("Install", &note).note;
            assert_eq!(note_sent.len(), length);
            assert_eq!(note_sent.ends_with('…'), note.len() > 1024);
        }
        assert_eq!(key_of(&"a".repeat(200), "n").action.len(), SHORT);
        assert_eq!(key_of("", "n").action, "InstallFailed");
    }

    #[test]
    fn objects_are_told_apart_by_uid_or_else_by_name() {
        assert_eq!(key_of("Install", "n").object, "u-1");
        let nameless = ObjectReference {
            uid: None,
            ..nats()
        };
        let key = key(
            &nameless,
            EventKind::Normal,
            Reason::LeaderAcquired,
            "Lead",
            "n",
        );
        assert_eq!(key.object, "Component/apps/nats");
    }

    #[test]
    fn an_event_says_who_what_and_why() {
        let now = Timestamp::from_second(1).unwrap();
        let key = key_of("Install", "no image");
        let event = event(&nats(), "apps", &key, "edge-1_x", now);
        let name = event.metadata.name.clone().unwrap();
        assert_eq!(name.len(), "nats.".len() + 16);
        let text = serde_json::to_value(&event).unwrap();
        assert_eq!(
            text,
            json!({
                "apiVersion": "events.k8s.io/v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": "apps"},
                "type": "Warning",
                "reason": "InstallFailed",
                "action": "Install",
                "note": "no image",
                "eventTime": "1970-01-01T00:00:01.000000Z",
                "regarding": {"kind": "Component", "name": "nats", "namespace": "apps", "uid": "u-1"},
                "reportingController": "chartroom.theriseunion.io/component-controller",
                "reportingInstance": "edge-1_x",
            })
        );
        assert_eq!(
            series(2, now),
            json!({"series": {"count": 2, "lastObservedTime": "1970-01-01T00:00:01.000000Z"}})
        );
    }

    #[test]
    fn the_name_of_an_event_fits_even_if_that_of_its_object_hardly_does() {
        let long = ObjectReference {
            name: Some(format!("{}.{}", "a".repeat(199), "b".repeat(50))),
            ..nats()
        };
        let key = key_of("Install", "n");
        let event = event(&long, "apps", &key, "i", Timestamp::UNIX_EPOCH);
        let name = event.metadata.name.unwrap();
        assert_eq!(name.len(), 199 + 1 + 16);
        assert!(!name.contains(".."));
    }
}
