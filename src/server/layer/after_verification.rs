use tracing::Span;

use super::verified_hook::VerifiedHook;
use crate::types::user::UserInfo;

/// What a layer does besides with each user that it has verified. One test if that is nothing, as mostly.
#[derive(Clone, Default)]
pub(super) struct AfterVerification(Option<Box<Steps>>);

#[derive(Clone, Default)]
struct Steps {
    hook: Option<VerifiedHook>,
    records_user_id: bool,
}

impl AfterVerification {
    pub(super) fn set_hook(&mut self, hook: VerifiedHook) {
        self.0.get_or_insert_default().hook = Some(hook);
    }

    pub(super) fn record_user_id(&mut self) {
        self.0.get_or_insert_default().records_user_id = true;
    }

    pub(super) fn hook(&self) -> Option<&VerifiedHook> {
        self.0.as_ref()?.hook.as_ref()
    }

    /// Does what needs no waiting, and returns whether the hook has to run.
    #[inline(always)]
    pub(super) fn needs_hook(&self, user: &UserInfo) -> bool {
        self.0.as_ref().is_some_and(|steps| steps.take(user))
    }
}

impl Steps {
    #[inline(never)]
    fn take(&self, user: &UserInfo) -> bool {
        if self.records_user_id && !user.is_service() {
            Span::current().record("user.id", tracing::field::display(user.id()));
        }
        self.hook.is_some() && user.take_fresh()
    }
}
