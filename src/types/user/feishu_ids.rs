/// A user's ids at Feishu, as [`UserInfo::feishu`](crate::UserInfo::feishu) has them. Any may be missing.
///
/// ```
/// use aigc_auth::UserInfo;
/// use aigc_auth::user::FeishuIds;
///
/// let ids = FeishuIds::new().with_open_id("ou_84aad3").with_tenant_key("736588");
/// let user = UserInfo::builder(7, "alice").feishu(ids).build();
/// assert_eq!(user.feishu().and_then(FeishuIds::open_id), Some("ou_84aad3"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FeishuIds {
    pub(super) user_id: Option<Box<str>>,
    pub(super) open_id: Option<Box<str>>,
    pub(super) union_id: Option<Box<str>>,
    pub(super) tenant_key: Option<Box<str>>,
}

impl FeishuIds {
    /// Creates ids of which none is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the ids by their names in camelCase; `None` if there is none of them.
    #[cfg(feature = "webhook")]
    pub(crate) fn read<'a>(text: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let read = |name| text(name).map(Into::into);
        let ids = Self {
            user_id: read("feishuUserId"),
            open_id: read("feishuOpenId"),
            union_id: read("feishuUnionId"),
            tenant_key: read("feishuTenantKey"),
        };
        (ids != Self::default()).then_some(ids)
    }

    /// Sets the user id.
    #[must_use]
    pub fn with_user_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.user_id = Some(id.into());
        self
    }

    /// Sets the open id.
    #[must_use]
    pub fn with_open_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.open_id = Some(id.into());
        self
    }

    /// Sets the union id.
    #[must_use]
    pub fn with_union_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.union_id = Some(id.into());
        self
    }

    /// Sets the tenant's key.
    #[must_use]
    pub fn with_tenant_key(mut self, key: impl Into<Box<str>>) -> Self {
        self.tenant_key = Some(key.into());
        self
    }

    /// The user id: the user within their tenant.
    pub fn user_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }

    /// The open id, such as `ou_…`: the user within one Feishu app.
    pub fn open_id(&self) -> Option<&str> {
        self.open_id.as_deref()
    }

    /// The union id, such as `on_…`: the user within all Feishu apps of one developer.
    pub fn union_id(&self) -> Option<&str> {
        self.union_id.as_deref()
    }

    /// The key of the user's tenant: their company at Feishu.
    pub fn tenant_key(&self) -> Option<&str> {
        self.tenant_key.as_deref()
    }

    /// Estimates how many bytes the ids take.
    #[cfg(feature = "client")]
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.user_id, &self.open_id, &self.union_id, &self.tenant_key];
        size_of::<Self>() + texts.into_iter().flatten().map(|text| text.len()).sum::<usize>()
    }
}
