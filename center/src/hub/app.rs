use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::table::Table;

/// An app: a service that calls the center, and a client of the log-in.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) name: String,
    /// Where a log-in may lead, to the letter.
    pub(crate) redirect_uris: Vec<String>,
    /// Where a sign-out may lead, to the letter.
    pub(crate) post_logout_redirect_uris: Vec<String>,
}

/// The apps, in their order: tokens that name no app are the first one's.
#[derive(Debug, Default)]
pub(super) struct Apps(Mutex<(Vec<App>, u64)>);

impl Apps {
    pub(super) const TABLE: &'static str = "apps";

    /// Adds an app, or replaces the one of the same id.
    pub(super) fn put(&self, app: App) {
        let (apps, version) = &mut *self.lock();
        *version += 1;
        match apps.iter_mut().find(|known| known.id == app.id) {
            Some(known) => *known = app,
            None => apps.push(app),
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.lock().1
    }

    pub(super) fn all(&self) -> Vec<App> {
        self.lock().0.clone()
    }

    /// Returns the table if it has changed since this version.
    pub(super) fn changed(&self, seen: &mut u64) -> Option<Table> {
        let (apps, version) = &*self.lock();
        if std::mem::replace(seen, *version) == *version {
            return None;
        }
        let rows = apps.iter().enumerate().map(|(at, app)| (format!("{at:06}"), json!(app))).collect();
        Some(Table { name: Self::TABLE, rows })
    }

    pub(super) fn restore(&self, value: Value) -> serde_json::Result<()> {
        self.put(serde_json::from_value(value)?);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<App>, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// An app for calls alone, with a secret of its own.
    pub(crate) fn unnamed(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: crate::random::text(),
            name: id.to_owned(),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
        }
    }
}
