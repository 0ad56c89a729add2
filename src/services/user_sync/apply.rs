//! Apply what is said of a user to their row, however late it is said.
//!
//! Events have no time, and come again after failures: an older one may come after a newer one. So they are taken as a sign
//! that something has changed, and before a row changes, the auth center is asked what is true now. All of it is done under
//! the user's lock, so that an answer is never written after a newer one.

use serde_json::{Map, Value};

use super::direction::Direction;
use super::engine::{Engine, Found, News, Outcome};
use super::error::{SyncError, SyncErrorKind};
use super::legacy_user::{LegacyUser, Removal};
use super::mapping;
use super::password::NewPassword;
use super::standing::{Standing, updated_fields};

/// How a change of a row is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// By an event, which may be late.
    Event,
    /// By a login that the auth center has just verified, or a token's signature.
    Login,
}

/// What is to be done for a user.
enum Plan {
    Nothing,
    Create(LegacyUser),
    Update { changes: LegacyUser, outcome: Outcome },
}

impl Engine {
    /// Creates the user if there is no row. Otherwise links it, restores it, and updates it if `update`. Never changes the
    /// password of an existing user.
    pub(super) async fn upsert(
        &self,
        user: &Map<String, Value>,
        news: News,
        source: Source,
        update: bool,
    ) -> Result<Outcome, SyncError> {
        self.check_direction(Direction::ToLegacy)?;
        let key = self.key(user)?;
        let mut may_ask_again = source == Source::Event && !self.config.recheck_after.is_zero();
        loop {
            let mut recent = self.lock(&key).await?;
            let has_news = recent.contains(self.hash(&key));
            if source == Source::Event {
                recent.note(self.hash(&key));
            }
            let found = self.find(&key, user).await?;
            let plan = self.plan(found.as_ref(), &key, user, news, update)?;
            let is_doubtful = match source {
                Source::Event => true,
                Source::Login => {
                    has_news || found.as_ref().is_some_and(|found| found.row.removal().is_some())
                }
            };
            if matches!(plan, Plan::Nothing) || !is_doubtful || self.config.trust_event_order {
                return self.carry_out(plan, found, &key, user, news, update).await;
            }
            let Some(standing) = Standing::ask(&self.client, &self.config, user).await? else {
                return self.carry_out(plan, found, &key, user, news, update).await;
            };
            if !standing.confirms(user) {
                if may_ask_again {
                    may_ask_again = false;
                    drop(recent);
                    tokio::time::sleep(self.config.recheck_after).await;
                    continue;
                }
                allow_repetition();
            }
            let now = match &found {
                Some(_) => standing.refreshed(user),
                None => standing.completed(user),
            };
            // A user with another value of the unique field is another row's, which its own events change.
            let is_of_row =
                self.config.unique_field == "username" || self.key(&now).is_ok_and(|now| now == key);
            if !standing.exists() || !is_of_row {
                tracing::info!(?news, "the auth center has no such user; the row stays as it is");
                return Ok(Outcome::Absent);
            }
            // Whoever is not active does not get back what marks them as removed.
            let news = if standing.is_active() { news } else { News::Updated };
            let plan = self.plan(found.as_ref(), &key, &now, news, update)?;
            return self.carry_out(plan, found, &key, &now, news, update).await;
        }
    }

    /// Removes the user's row, as the store does that, unless the auth center has the user.
    pub(super) async fn remove(&self, user: &Map<String, Value>) -> Result<Outcome, SyncError> {
        self.check_direction(Direction::ToLegacy)?;
        let key = self.key(user)?;
        let mut may_ask_again = !self.config.recheck_after.is_zero();
        loop {
            let mut recent = self.lock(&key).await?;
            recent.note(self.hash(&key));
            let standing = match self.config.trust_event_order {
                true => None,
                false => Standing::ask(&self.client, &self.config, user).await?,
            };
            if let Some(standing) = standing.filter(|standing| !standing.confirms_removal(user)) {
                if may_ask_again {
                    may_ask_again = false;
                    drop(recent);
                    tokio::time::sleep(self.config.recheck_after).await;
                    continue;
                }
                tracing::info!("the auth center has the user of a deletion; the row stays");
                allow_repetition();
                return self.renew(&key, &standing.completed(user)).await;
            }
            let field = self.unique_column();
            // A store finds the row by itself, but not one that is not linked yet. That is linked before, since meanwhile it
            // may become another user's.
            if self.links()
                && let Some(found) = self.find(&key, user).await?.filter(|found| found.is_linked)
            {
                let changes = LegacyUser::from_iter([(field, key.clone())]);
                self.with_timeout(self.store.link(found.field, &found.value, field, changes)).await?;
            }
            return match self.with_timeout(self.store.remove(field, &key)).await? {
                true => Ok(Outcome::Removed),
                false => Ok(Outcome::NotFound),
            };
        }
    }

    /// Brings the row of a user who is there in spite of a deletion up to date. They may be another user of the same name, whose
    /// creation has found the row of the one who was deleted.
    async fn renew(&self, key: &Value, now: &Map<String, Value>) -> Result<Outcome, SyncError> {
        let Some(found) = self.find(key, now).await? else { return Ok(Outcome::Present) };
        let mut changes = mapping::changes(&self.config.mappings, now, None)?;
        let field = self.unique_column();
        changes.retain(|name, value| name != field && found.row.get(name) != Some(value));
        if found.is_linked {
            changes.insert(field.to_owned(), key.clone());
        }
        if !changes.is_empty() {
            return self.write(&found, changes, Outcome::Present).await?.ok_or_else(linked_by_another);
        }
        Ok(Outcome::Present)
    }

    fn plan(
        &self,
        found: Option<&Found<'_>>,
        key: &Value,
        user: &Map<String, Value>,
        news: News,
        update: bool,
    ) -> Result<Plan, SyncError> {
        let Some(found) = found else {
            return mapping::new_row(&self.config.mappings, user).map(Plan::Create);
        };
        let removal = found.row.removal().filter(|_| news != News::Updated);
        let mut changes = LegacyUser::new();
        if update || (removal.is_some() && news == News::Created) {
            let only =
                self.config.only_updated_fields.then(|| updated_fields(user)).filter(|_| removal.is_none());
            changes = mapping::changes(&self.config.mappings, user, only.as_deref())?;
        } else if let Some(removal) = removal {
            // What a mapping says of the column goes before: who is disabled at the auth center stays removed.
            changes = mapping::changes_of(&self.config.mappings, user, &removal.column)?;
        }
        if let Some(Removal { column, restored: Some(value) }) = removal {
            changes.entry(column.clone()).or_insert_with(|| value.clone());
        }
        let field = self.unique_column();
        changes.retain(|name, value| name != field && found.row.get(name) != Some(value));
        let restores = removal.is_some_and(|removal| changes.contains_key(&removal.column));
        if let Some(Removal { column, .. }) = removal.filter(|_| !restores) {
            tracing::warn!(
                column,
                "a user who was removed is back, and their row stays removed: nothing says what restores it"
            );
        }
        if found.is_linked {
            changes.insert(field.to_owned(), key.clone());
        }
        if changes.is_empty() {
            return Ok(Plan::Nothing);
        }
        let outcome = match (found.is_linked, restores) {
            (true, _) => Outcome::Linked,
            (false, true) => Outcome::Restored,
            (false, false) => Outcome::Updated,
        };
        Ok(Plan::Update { changes, outcome })
    }

    async fn carry_out(
        &self,
        plan: Plan,
        found: Option<Found<'_>>,
        key: &Value,
        user: &Map<String, Value>,
        news: News,
        update: bool,
    ) -> Result<Outcome, SyncError> {
        let row = match (plan, found) {
            (Plan::Nothing, _) => return Ok(Outcome::Unchanged),
            (Plan::Update { changes, outcome }, Some(found)) => {
                if let Some(outcome) = self.write(&found, changes, outcome).await? {
                    return Ok(outcome);
                }
                // Another process was quicker, for this user or for another one.
                let found = self.find(key, user).await?.filter(|found| !found.is_linked);
                let found = found.ok_or_else(linked_by_another)?;
                return self.change(&found, key, user, news, update).await;
            }
            (Plan::Create(row) | Plan::Update { changes: row, .. }, _) => row,
        };
        let password: NewPassword = self.password(user, Direction::ToLegacy)?;
        let Err(error) = self.with_timeout(self.store.create(row, password)).await else {
            return Ok(Outcome::Created);
        };
        // Another process may have created the user in the meantime.
        let Ok(Some(found)) = self.find(key, user).await else { return Err(error) };
        self.change(&found, key, user, news, update).await
    }

    async fn change(
        &self,
        found: &Found<'_>,
        key: &Value,
        user: &Map<String, Value>,
        news: News,
        update: bool,
    ) -> Result<Outcome, SyncError> {
        match self.plan(Some(found), key, user, news, update)? {
            Plan::Update { changes, outcome } => {
                self.write(found, changes, outcome).await?.ok_or_else(linked_by_another)
            }
            _ => Ok(Outcome::Unchanged),
        }
    }

    /// Updates the row. `None` if it was to be linked, and was linked or removed since it was found.
    async fn write(
        &self,
        found: &Found<'_>,
        changes: LegacyUser,
        outcome: Outcome,
    ) -> Result<Option<Outcome>, SyncError> {
        let Found { field, value, is_linked, .. } = found;
        if *is_linked {
            let linked = self.store.link(field, value, self.unique_column(), changes);
            return Ok(self.with_timeout(linked).await?.then_some(outcome));
        }
        let updated = self.with_timeout(self.store.update(field, value, changes)).await?;
        Ok(Some(if updated { outcome } else { Outcome::NotFound }))
    }
}

fn linked_by_another() -> SyncError {
    let message = "the row was linked to another user, or removed, at the same moment: the next attempt finds it as it is";
    SyncError::new(SyncErrorKind::Store, message)
}

/// Notes that an event is late: what it says may become true again, and be said by the same bytes.
fn allow_repetition() {
    #[cfg(feature = "webhook")]
    crate::request::delivery::allow_repetition();
}
