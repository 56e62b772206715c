//! Somebody else's operations that never ended (docs/components.md 6.2).

use super::table::installed;
use super::*;
use ReleaseStatus as S;

#[test]
fn pending_of_others() {
    // made at 200, with a timeout of 5 minutes: dead from 800 on
    let pending = |status| installed().revision(status, Some(("op1", "a")), "Preparing upgrade");
    check(vec![
        (
            "pending-upgrade, young: wait",
            pending(S::PendingUpgrade).at(799),
            "Wait(PendingRelease, Transient, Some(800))",
        ),
        (
            "pending-upgrade, older than twice the timeout: unlock",
            pending(S::PendingUpgrade).at(800),
            "Unlock(2)",
        ),
        (
            "pending-rollback, old",
            pending(S::PendingRollback),
            "Unlock(2)",
        ),
        (
            "pending-install without a Component's label, old",
            Case::wanting("a").revision(S::PendingInstall, None, "Initial install underway"),
            "Unlock(1)",
        ),
        (
            "a long timeout is waited for twice over",
            pending(S::PendingUpgrade)
                .with(|case| case.wanted.timeout = Duration::from_secs(3600))
                .at(7_399),
            "Wait(PendingRelease, Transient, Some(7400))",
        ),
        (
            "a short timeout still means ten minutes",
            pending(S::PendingUpgrade)
                .with(|case| case.wanted.timeout = Duration::from_secs(1))
                .at(799),
            "Wait(PendingRelease, Transient, Some(800))",
        ),
        (
            "force is no proof that nobody works on it",
            pending(S::PendingUpgrade).forced().at(700),
            "Wait(PendingRelease, Transient, Some(800))",
        ),
        (
            "nothing says how old it is: wait",
            pending(S::PendingUpgrade).with(|case| {
                case.revisions[0].created = None;
                case.record.as_mut().unwrap().last_deployed = None;
            }),
            "Wait(PendingRelease, Transient, Some(10600))",
        ),
        (
            "the payload says failed though the label says pending: Helm believes the payload",
            pending(S::PendingUpgrade)
                .at(300)
                .with(|case| case.record.as_mut().unwrap().status = S::Failed),
            "Run(Upgrade, Foreign)",
        ),
        (
            "Helm was killed, and the status has that failure: nobody works on it",
            installed()
                .revision(S::PendingUpgrade, Some(("op2", "b")), "Preparing upgrade")
                .at(260)
                .with(|case| case.status.last_failure_time = Some(Time(at(250)))),
            "Unlock(2)",
        ),
        (
            "an earlier failure proves nothing of it",
            installed()
                .revision(S::PendingUpgrade, Some(("op2", "b")), "Preparing upgrade")
                .at(260)
                .with(|case| case.status.last_failure_time = Some(Time(at(150)))),
            "Wait(PendingRelease, Transient, Some(800))",
        ),
    ]);
    let Decision::Unlock { event, .. } = pending(S::PendingUpgrade).decision() else {
        panic!("not unlocked");
    };
    for part in ["revision 2", "pending-upgrade", "163 minutes", "op1"] {
        assert!(event.contains(part), "{event} has no {part}");
    }
}
