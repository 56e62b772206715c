//! Commits: objects that belong together change together, whatever ends the process.
//!
//! New objects are staged beside the old ones, a record says what is to become of them, and only then is anything moved
//! or deleted. Until there is a record nothing has happened; from then on a start that finds it finishes the work.

use std::io;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::{CopyMode, CopyOptions, ObjectStoreExt as _, PutResult};
use tracing::warn;
use uuid::Uuid;

use crate::causes::chain;
use crate::repository::entry::Stamp;
use crate::repository::key::{COMMIT_PREFIX, ObjectKey, STAGED_PREFIX, Tenant};
use crate::repository::store::{ChartStore, StoreError, WriteMode, io_kind, is_absent};

mod record;

use record::{Record, Step};

/// An object to be written together with another.
pub struct Write<'a> {
    /// Its name.
    pub key: &'a ObjectKey,
    /// Its bytes.
    pub bytes: Bytes,
    /// Whether it may replace another.
    pub mode: WriteMode,
}

impl ChartStore {
    /// Writes a package and its provenance file: after a kill or a power cut both are there or neither is. Returns the
    /// package's stamp as [`put`](Self::put) does.
    ///
    /// # Errors
    /// Nothing has changed, except where moving the second file fails after the first has been moved.
    pub async fn put_together(
        &self,
        package: Write<'_>,
        provenance: Write<'_>,
    ) -> Result<Stamp, StoreError> {
        self.check_root().await?;
        for write in [&package, &provenance] {
            self.refuse_long_name(write.key).await?;
        }
        let id = Uuid::new_v4().simple().to_string();
        let mut steps = Vec::with_capacity(2);
        let mut staged = Vec::with_capacity(2);
        for (write, part) in [(&package, "package"), (&provenance, "provenance")] {
            let name = format!("{STAGED_PREFIX}{id}-{part}");
            let from = own_key(write.key.tenant(), &name);
            match self.stage(&from, write).await {
                Ok(written) => staged.push(written),
                Err(cause) => {
                    self.clear(&steps, None).await;
                    return Err(cause);
                }
            }
            let before = self.stamp(write.key).await?;
            let to = write.key.clone();
            let create = write.mode == WriteMode::Create;
            steps.push(Step::Put {
                from,
                to,
                before,
                create,
            });
        }
        let record = match self.record(&id, &steps).await {
            Ok(record) => record,
            Err(cause) => {
                self.clear(&steps, None).await;
                return Err(match cause {
                    StoreError::StorageFull(_) => StoreError::StorageFull(package.key.clone()),
                    cause => cause,
                });
            }
        };
        let mut moved = Ok(());
        for step in &steps {
            if moved.is_ok() {
                moved = self.carry_out(step).await;
            }
        }
        self.clear(&steps, Some(&record)).await;
        self.check_root().await?;
        moved?;
        self.stamp_of_written(package.key, &staged[0]).await
    }

    /// Deletes a package with its provenance file: after a kill or a power cut both are there or neither is. False if
    /// there was no such package.
    pub async fn delete_together(&self, package: &ObjectKey) -> Result<bool, StoreError> {
        self.check_root().await?;
        let provenance = package.provenance();
        let (first, second) = (self.stamp(package).await?, self.stamp(&provenance).await?);
        let (Some(first), Some(second)) = (first, second) else {
            let deleted = self.delete(package).await?;
            self.delete(&provenance).await?;
            return Ok(deleted);
        };
        let step = |key: &ObjectKey, before| Step::Delete {
            key: key.clone(),
            before,
        };
        let steps = [step(package, first), step(&provenance, second)];
        let id = Uuid::new_v4().simple().to_string();
        let record = self.record(&id, &steps).await?;
        let deleted = self.delete(package).await;
        // what is not deleted now is deleted at the next start, unless it has changed by then
        let also = match &deleted {
            Ok(_) => self.delete(&provenance).await.map(drop),
            Err(_) => Ok(()),
        };
        if also.is_ok() {
            self.clear(&[], Some(&record)).await;
        }
        also.and(deleted)
    }

    /// Finishes the commits that were cut short: all, or those that began before `until`. Returns how many.
    pub async fn finish_commits(&self, until: Option<DateTime<Utc>>) -> Result<usize, StoreError> {
        let mut finished = 0;
        for object in self.list(&Tenant::root()).await? {
            let is_due = until.is_none_or(|until| object.stamp.modified < until);
            if !object.file_name.starts_with(COMMIT_PREFIX) || !is_due {
                continue;
            }
            let key = own_key(&Tenant::root(), &object.file_name);
            let Some((_, bytes)) = self.get(&key).await? else {
                continue;
            };
            match Record::parse(&bytes) {
                Some(record) => {
                    for step in &record.steps {
                        self.finish(step).await?;
                    }
                    finished += 1;
                }
                None => warn!(
                    file = object.file_name,
                    "Record of a commit is damaged: what it was about stays as it is"
                ),
            }
            self.delete(&key).await?;
        }
        Ok(finished)
    }

    async fn stage(&self, at: &ObjectKey, write: &Write<'_>) -> Result<PutResult, StoreError> {
        let payload = write.bytes.clone().into();
        match self.write(at, payload, WriteMode::Overwrite).await? {
            Ok(written) => Ok(written),
            Err(source) => Err(self.refusal(write.key, source).await?),
        }
    }

    /// Writes the record of a commit: from here on it happens.
    async fn record(&self, id: &str, steps: &[Step]) -> Result<ObjectKey, StoreError> {
        let key = own_key(&Tenant::root(), &format!("{COMMIT_PREFIX}{id}"));
        let text = Record::render(steps);
        self.put(&key, text.into(), WriteMode::Overwrite).await?;
        Ok(key)
    }

    /// One step, for the process that made the record.
    async fn carry_out(&self, step: &Step) -> Result<(), StoreError> {
        let (from, to, create) = match step {
            Step::Put {
                from, to, create, ..
            } => (from, to, *create),
            Step::Delete { key, .. } => return self.delete(key).await.map(drop),
        };
        let outcome = if create {
            self.link(from, to).await
        } else {
            self.objects.rename(&from.path(), &to.path()).await
        };
        match outcome {
            Ok(()) => Ok(()),
            // another server on the same storage has found the record and done it
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(self.refusal(to, source).await?),
        }
    }

    /// Moves a file to a name that must be free.
    async fn link(&self, from: &ObjectKey, to: &ObjectKey) -> object_store::Result<()> {
        let options = CopyOptions::new().with_mode(CopyMode::Create);
        let copied = (self.objects)
            .copy_opts(&from.path(), &to.path(), options)
            .await;
        match copied.as_ref().err().and_then(io_kind) {
            // as in `ChartStore::write`: no hard links, and the caller has seen that the name is free
            Some(io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
                self.objects.rename(&from.path(), &to.path()).await
            }
            _ => copied,
        }
    }

    /// One step of a commit that was cut short: nothing that has been done, and nothing to what has changed since.
    async fn finish(&self, step: &Step) -> Result<(), StoreError> {
        match step {
            Step::Put {
                from, to, before, ..
            } => {
                let is_staged = self.stamp(from).await?.is_some();
                let now = self.stamp(to).await?;
                if is_staged && record::is_as_before(now, *before) {
                    self.objects
                        .rename(&from.path(), &to.path())
                        .await
                        .map_err(|source| StoreError::Failed {
                            verb: "finish the upload of",
                            what: to.to_string(),
                            source,
                        })?;
                } else if is_staged {
                    self.delete(from).await?;
                }
            }
            Step::Delete { key, before } => {
                if record::is_as_before(self.stamp(key).await?, Some(*before)) {
                    self.delete(key).await?;
                }
            }
        }
        Ok(())
    }

    /// Removes what a commit leaves: its record first, then what is still staged.
    async fn clear(&self, steps: &[Step], record: Option<&ObjectKey>) {
        let staged = steps.iter().filter_map(|step| match step {
            Step::Put { from, .. } => Some(from),
            Step::Delete { .. } => None,
        });
        for key in record.into_iter().chain(staged) {
            match self.objects.delete(&key.path()).await {
                Ok(()) => {}
                Err(error) if is_absent(&error) => {}
                Err(cause) => {
                    warn!(file = %key, error = chain(&cause), "File of a commit is left behind until the next start");
                }
            }
        }
    }
}

fn own_key(tenant: &Tenant, file_name: &str) -> ObjectKey {
    ObjectKey::new(tenant, file_name).expect("the program's own names are plain")
}
