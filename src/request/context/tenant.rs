use super::request_context::RequestContext;
use super::tenant_slot::ResolvedTenant;
use crate::request::tenant::policy::TenantPolicy;
use crate::types::tenant::Tenant;

impl RequestContext {
    /// The organisation and team that the request is about. `None` until an extractor such as
    /// [`CurrentTenant`](crate::tenant::CurrentTenant) has looked them up.
    pub fn tenant(&self) -> Option<Tenant> {
        self.resolved_tenant()?.ok()?
    }

    pub(crate) fn resolved_tenant(&self) -> Option<ResolvedTenant> {
        self.0.tenant.get()
    }

    /// Keeps the outcome for all who ask later.
    pub(crate) fn resolve_tenant(&self, resolved: ResolvedTenant) -> ResolvedTenant {
        self.0.tenant.get_or_set(resolved)
    }

    /// Does the same for a tenant.
    #[inline(always)]
    pub(crate) fn set_tenant(&self, tenant: Tenant) -> ResolvedTenant {
        if self.0.tenant.set(&tenant) { Ok(Some(tenant)) } else { self.earlier_tenant(tenant) }
    }

    #[cold]
    #[inline(never)]
    fn earlier_tenant(&self, tenant: Tenant) -> ResolvedTenant {
        self.resolve_tenant(Ok(Some(tenant)))
    }

    pub(crate) fn tenant_policy(&self) -> Option<&TenantPolicy> {
        self.settings()?.tenants.as_ref()
    }
}
