use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::types::error::AuthError;
use crate::types::tenant::Tenant;

/// The outcome of looking a tenant up; `None` if the request named none and needs none.
pub(crate) type ResolvedTenant = Result<Option<Tenant>, AuthError>;

/// Whose data the request is about, or why nobody's, once that is asked for. A lock that nobody waits for costs a third of a
/// `OnceLock`.
#[derive(Default)]
pub(super) struct TenantSlot(Mutex<Option<ResolvedTenant>>);

impl TenantSlot {
    pub(super) fn get(&self) -> Option<ResolvedTenant> {
        self.lock().clone()
    }

    /// Sets the outcome, unless there is one, and returns the one that is there.
    pub(super) fn get_or_set(&self, resolved: ResolvedTenant) -> ResolvedTenant {
        self.lock().get_or_insert(resolved).clone()
    }

    /// Sets this tenant, and returns whether there was no outcome before.
    #[inline(always)]
    pub(super) fn set(&self, tenant: &Tenant) -> bool {
        let tenant = tenant.clone();
        let mut slot = self.lock();
        let is_first = slot.is_none();
        if is_first {
            *slot = Some(Ok(Some(tenant)));
        }
        is_first
    }

    fn lock(&self) -> MutexGuard<'_, Option<ResolvedTenant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for TenantSlot {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.get()))
    }
}

impl From<ResolvedTenant> for TenantSlot {
    fn from(resolved: ResolvedTenant) -> Self {
        Self(Mutex::new(Some(resolved)))
    }
}
