use std::sync::Arc;

use super::recorder::Recorder;
use crate::ports::user_directory::Directory;
use crate::request::client_ip::TrustedProxies;
use crate::request::impersonation::ActAsPolicy;
use crate::request::refusals::RefusalSettings;
use crate::request::tenant::policy::TenantPolicy;

/// The settings of a layer that its contexts share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) app_id: Option<Arc<str>>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) refusals: RefusalSettings,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) act_as: ActAsPolicy,
    pub(crate) directory: Option<Directory>,
    pub(crate) tenants: Option<TenantPolicy>,
}
