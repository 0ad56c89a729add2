use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aigc_auth::testing::{AuthCenter, Dialect, SeenState, TestKey};
use aigc_auth::user::UserGroup;
use serde_json::Value;

use super::app::{App, Apps};
use super::deliveries::Deliveries;
use super::endpoints::check_endpoint;
use super::event::{What, millis};
use super::events::Events;
use super::faults::{FaultName, Faults, Switch};
use super::passwords::Passwords;
use super::saves::Saves;
use super::table::Table;
use super::users::Refusal;
use crate::args::dialect_name;
use crate::log_in::LogIns;
use crate::random;

/// All state of the program. Its methods are the only way to change it, beside the calls that the center answers.
#[derive(Debug)]
pub(crate) struct Hub {
    center: AuthCenter,
    apps: Apps,
    passwords: Passwords,
    log_ins: LogIns,
    faults: Faults,
    events: Arc<Events>,
    deliveries: Deliveries,
    saves: Arc<Saves>,
}

/// Which changes the keeper has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    center: SeenState,
    apps: u64,
    passwords: u64,
    log_ins: u64,
    usage: u64,
}

impl Hub {
    pub(crate) fn new(center: AuthCenter, events: Arc<Events>, saves: Arc<Saves>, log_ins: LogIns) -> Self {
        Self {
            center,
            apps: Apps::default(),
            passwords: Passwords::default(),
            log_ins,
            faults: Faults::default(),
            deliveries: Deliveries::new(Arc::clone(&events)),
            events,
            saves,
        }
    }

    /// The users, credentials, groups, services and usage records.
    pub(crate) fn center(&self) -> &AuthCenter {
        &self.center
    }

    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    pub(crate) fn log_ins(&self) -> &LogIns {
        &self.log_ins
    }

    pub(crate) fn saves(&self) -> &Saves {
        &self.saves
    }

    /// Increases with each change of what is saved.
    pub(crate) fn version(&self) -> u64 {
        let own = self.apps.version() + self.passwords.version() + self.log_ins.version();
        self.center.state_version() + own
    }

    pub(super) fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// Adds an app, or replaces the one of the same id.
    pub(crate) fn put_app(&self, app: App) {
        self.center.add_app(&app.id, &*app.secret);
        self.apps.put(app);
    }

    pub(crate) fn apps(&self) -> Vec<App> {
        self.apps.all()
    }

    pub(crate) fn app(&self, id: &str) -> Option<App> {
        self.apps.all().into_iter().find(|app| app.id == id)
    }

    /// Returns the app whose tokens those are that name none.
    pub(crate) fn first_app(&self) -> App {
        self.apps.all().into_iter().next().expect("a center has an app")
    }

    pub(crate) fn groups(&self) -> Vec<UserGroup> {
        self.center.groups()
    }

    pub(crate) fn set_password(&self, username: &str, password: &str) {
        self.passwords.set(username, password);
    }

    pub(super) fn remove_password(&self, username: &str) {
        self.passwords.remove(username);
    }

    pub(crate) fn has_password(&self, username: &str) -> bool {
        self.passwords.has(username)
    }

    pub(crate) fn check_password(&self, username: &str, password: &str) -> bool {
        self.passwords.check(username, password)
    }

    /// Makes a token of a user for an app. Returns its text.
    pub(crate) fn issue_token(
        &self,
        username: &str,
        app_id: &str,
        lifetime: Option<Duration>,
    ) -> Result<String, Refusal> {
        self.user(username).ok_or(Refusal::NotFound("user"))?;
        self.app(app_id).ok_or(Refusal::NotFound("app"))?;
        self.center.remove_expired_tokens();
        self.check_room("tokens")?;
        let text = format!("token_{}", random::text());
        let expires_at = lifetime.map(|lifetime| SystemTime::now() + lifetime);
        self.center.add_token_of(app_id, &text, username, expires_at);
        Ok(text)
    }

    /// Makes an access key, of a user or an app. Returns its text.
    pub(crate) fn issue_key(
        &self,
        key: TestKey,
        user: Option<&str>,
        app: Option<&str>,
    ) -> Result<String, Refusal> {
        if let Some(user) = user {
            self.user(user).ok_or(Refusal::NotFound("user"))?;
        }
        if let Some(app) = app {
            self.app(app).ok_or(Refusal::NotFound("app"))?;
        }
        self.check_room("access_keys")?;
        let text = format!("ak_{}", random::text());
        self.center.add_access_key(&*text, key);
        Ok(text)
    }

    pub(crate) fn set_dialect(&self, dialect: Dialect) {
        self.center.set_dialect(dialect);
        self.events.add(What::Dialect { dialect: dialect_name(dialect) });
    }

    pub(crate) fn faults(&self) -> Vec<Switch> {
        self.faults.all()
    }

    /// Switches a fault on at an endpoint, or at all with `*`; for a time, or until it is switched off.
    pub(crate) fn switch_on(
        &self,
        endpoint: &str,
        fault: FaultName,
        time: Option<Duration>,
    ) -> Result<(), Refusal> {
        fault.check().map_err(Refusal::Invalid)?;
        check_endpoint(endpoint).map_err(Refusal::Invalid)?;
        let until = time.map(|time| millis(SystemTime::now() + time));
        let shown = fault.shown();
        let switch = Switch { endpoint: endpoint.to_owned(), fault, until };
        self.faults.switch_on(&self.center, switch).map_err(Refusal::Invalid)?;
        self.events.add(What::Fault { endpoint: endpoint.to_owned(), fault: Some(shown), until });
        Ok(())
    }

    pub(crate) fn switch_off(&self, endpoint: &str) -> Result<(), Refusal> {
        if !self.faults.switch_off(&self.center, endpoint) {
            return Err(Refusal::NotFound("fault at this endpoint"));
        }
        self.events.add(What::Fault { endpoint: endpoint.to_owned(), fault: None, until: None });
        Ok(())
    }

    /// Ends what has had its time: faults, tokens, log-ins.
    pub(crate) fn expire(&self) {
        for endpoint in self.faults.expire(&self.center, SystemTime::now()) {
            self.events.add(What::Fault { endpoint, fault: None, until: None });
        }
        self.log_ins.expire();
    }

    /// Returns the tables that have changed since this was called with the same `seen`.
    pub(crate) fn changed_tables(&self, seen: &mut Seen) -> Vec<Table> {
        let of_center = self.center.changed_tables(&mut seen.center).into_iter();
        let own = [self.apps.changed(&mut seen.apps), self.passwords.changed(&mut seen.passwords)];
        let of_center = of_center.map(|table| Table { name: table.name, rows: table.rows });
        of_center.chain(own.into_iter().flatten()).chain(self.log_ins.changed(&mut seen.log_ins)).collect()
    }

    /// Returns the usage records since this was called with the same `seen`, at most `max`.
    pub(crate) fn new_usage(&self, seen: &mut Seen, max: usize) -> Vec<aigc_auth::testing::UsageRecord> {
        let records = self.center.usage_after(seen.usage, max);
        seen.usage = records.last().map_or(seen.usage, |record| record.number);
        records
    }

    /// Takes back a row of a table.
    pub(crate) fn restore(&self, table: &str, key: &str, value: Value) -> Result<(), String> {
        match table {
            Apps::TABLE => {
                self.apps.restore(value).map_err(|error| error.to_string())?;
                for app in self.apps.all() {
                    self.center.add_app(&app.id, app.secret);
                }
                Ok(())
            }
            Passwords::TABLE => self.passwords.restore(key, &value),
            _ if LogIns::TABLES.contains(&table) => self.log_ins.restore(table, key, value),
            _ => self.center.restore_row(table, key, value).map_err(|error| error.to_string()),
        }
    }

    /// Waits for webhooks on their way.
    pub(crate) async fn finish(&self, timeout: Duration) {
        self.deliveries.finish(timeout).await;
    }
}
