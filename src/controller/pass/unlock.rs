//! Unlocking a release that its holder left `pending-*`: payload and label in one write, if nobody was faster
//! (docs/components.md 5.4).

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;

use crate::component::conditions::Reason;
use crate::component::names::label;
use crate::controller::context::{Observed, PassError, is_conflict, is_not_found, payload};
use crate::controller::pass::Pass;
use crate::controller::slots::ReleaseKey;
use crate::release::owner;
use crate::release::record::{ReleaseStatus, interrupted, secret_name};

/// What Helm's history says of a revision that was cut short.
const DESCRIPTION: &str = "interrupted: the controller was gone before Helm was done";

impl Pass<'_> {
    /// Marks revision `number` as failed, so that Helm goes on from it.
    ///
    /// # Errors
    /// [`PassError::Conflict`] if somebody changed the Secret meanwhile: nothing was done then.
    pub(super) async fn unlock(
        &mut self,
        release: &ReleaseKey,
        number: i64,
        event: &str,
        observed: &Observed,
    ) -> Result<(), PassError> {
        let mut secret = self.as_seen(release, number, observed).await?;
        let data = payload(secret.clone());
        let unlocked = tokio::task::spawn_blocking(move || interrupted(&data, DESCRIPTION)).await?;
        let Ok(unlocked) = unlocked else {
            // the decision was made upon a record that could be read: it has changed
            return Err(PassError::Conflict);
        };
        let failed = ReleaseStatus::Failed.as_str().to_owned();
        secret
            .data
            .get_or_insert_default()
            .insert("release".to_owned(), ByteString(unlocked));
        secret
            .metadata
            .labels
            .get_or_insert_default()
            .insert("status".to_owned(), failed);
        // it carries the version that was read: a write of somebody else in between refuses it
        let secrets: Api<Secret> = Api::namespaced(self.context.client.clone(), &release.0);
        let name = secret_name(&release.1, number);
        match secrets
            .replace(&name, &PostParams::default(), &secret)
            .await
        {
            Ok(_) => {}
            Err(cause) if is_conflict(&cause) || is_not_found(&cause) => {
                return Err(PassError::Conflict);
            }
            Err(cause) => return Err(cause.into()),
        }
        let action = format!("Unlock/{number}");
        self.tell(Reason::Unlocked, &action, event).await;
        Ok(())
    }

    /// The Secret of the newest revision, if it is still the one that was decided upon: Helm may just have ended.
    async fn as_seen(
        &self,
        release: &ReleaseKey,
        number: i64,
        observed: &Observed,
    ) -> Result<Secret, PassError> {
        let seen = observed.revisions.first();
        let seen = seen.filter(|newest| newest.number == number);
        let secret = self.context.secret(release, number).await?;
        secret
            .filter(|secret| {
                let version = secret.metadata.resource_version.as_deref();
                version == seen.map(|newest| newest.resource_version.as_str())
            })
            .ok_or(PassError::Conflict)
    }

    /// Marks the release for this Component, if Helm had no reason to: it was taken over as it is, or is older than marks.
    pub(super) async fn mark_release(&mut self, observed: &Observed) -> Result<(), PassError> {
        let Some(newest) = observed.revisions.first() else {
            return Ok(());
        };
        let mark = owner::mark(&self.key);
        if newest.owner == mark {
            return Ok(());
        }
        let release = self.release();
        let secrets: Api<Secret> = Api::namespaced(self.context.client.clone(), &release.0);
        let patch = json!({"metadata": {
            "labels": {label::OWNER: mark},
            "resourceVersion": newest.resource_version,
        }});
        let name = secret_name(&release.1, newest.number);
        let patched = secrets
            .patch_metadata(&name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        match patched {
            Ok(_) => Ok(()),
            Err(cause) if is_conflict(&cause) || is_not_found(&cause) => Err(PassError::Conflict),
            Err(cause) => Err(cause.into()),
        }
    }

    /// Moves a revision that nobody can read out of Helm's sight: a copy under another name, then the original goes.
    pub(super) async fn set_aside(
        &mut self,
        release: &ReleaseKey,
        number: i64,
        observed: &Observed,
    ) -> Result<(), PassError> {
        let secret = self.as_seen(release, number, observed).await?;
        let secrets: Api<Secret> = Api::namespaced(self.context.client.clone(), &release.0);
        let name = secret_name(&release.1, number);
        let aside = format!("{name}.unreadable");
        let mut copy = Secret {
            data: secret.data.clone(),
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        };
        copy.metadata.name = Some(aside.clone());
        match secrets.create(&PostParams::default(), &copy).await {
            Ok(_) => {}
            Err(cause) if is_conflict(&cause) => {}
            Err(cause) => return Err(cause.into()),
        }
        let only_this = DeleteParams::default().preconditions(Preconditions {
            uid: secret.metadata.uid.clone(),
            resource_version: secret.metadata.resource_version.clone(),
        });
        match secrets.delete(&name, &only_this).await {
            Ok(_) => {}
            Err(cause) if is_conflict(&cause) || is_not_found(&cause) => {
                return Err(PassError::Conflict);
            }
            Err(cause) => return Err(cause.into()),
        }
        let note = format!("revision {number} cannot be read; it is kept as Secret {aside}");
        let action = format!("SetAside/{number}");
        self.warn(Reason::StateError, &action, &note).await;
        Ok(())
    }
}
