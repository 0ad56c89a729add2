//! Who decides on users: a verifier whose answers may take a while.

use std::sync::{Arc, Mutex};

use aigc_auth::credential::BearerToken;
use aigc_auth::{AuthError, UserId, UserInfo, Verify};
use tokio::sync::oneshot;

pub(super) const USERS: usize = 2;

#[derive(Clone, Default)]
pub(super) struct Center(pub(super) Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    /// The version of each user.
    pub(super) versions: [usize; USERS],
    pub(super) now: u64,
    /// Whether answers wait for their release.
    pub(super) is_slow: bool,
    /// Since when these wait.
    pub(super) held: Vec<(u64, oneshot::Sender<()>)>,
}

pub(super) fn id(user: usize) -> UserId {
    (user as i64 + 1).into()
}

pub(super) fn token(user: usize) -> BearerToken {
    BearerToken::new(&format!("token-{user}")).unwrap()
}

impl Verify<BearerToken> for Center {
    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        let user = (0..USERS).find(|user| token == self::token(*user)).unwrap();
        let (version, released) = {
            let mut state = self.0.lock().unwrap();
            let (release, released) = oneshot::channel();
            if state.is_slow {
                let now = state.now;
                state.held.push((now, release));
            }
            (state.versions[user], released)
        };
        // Released, or never held.
        let _ = released.await;
        Ok(UserInfo::builder(id(user), format!("user-{user}")).nickname(format!("v{version}")).build())
    }
}
