//! What open sockets cost that wait for the end of their credentials: `cargo bench -p aigc-auth-benches --bench sockets`. Linux
//! only: the processor's time of a thread is read from `/proc`.

#[path = "support/account.rs"]
mod account;

use std::time::Duration;

use account::{account, spent};
use aigc_auth::credential::Credential;
use aigc_auth::{AuthClient, UserInfo};
use tokio::task::JoinSet;

const SOCKETS: u32 = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test` only wants to know that it works.
    let seconds = if std::env::args().any(|argument| argument == "--bench") { 10 } else { 1 };
    let account = account();
    for users in [1, SOCKETS] {
        let client = AuthClient::builder("app", "secret", "http://127.0.0.1:9").build().expect("a client");
        let mut waits = JoinSet::new();
        for socket in 0..SOCKETS {
            let name = format!("user-{}", socket % users);
            client.cache_user(&name, UserInfo::builder(i64::from(socket % users), name.clone()));
            waits.spawn(client.revoked(&Credential::new(&name).expect("a token")));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = spent(&account);
        for _ in 0..seconds {
            // An event about somebody else, as there is always one.
            client.invalidate_user("somebody else");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let spent = Duration::from_nanos((spent(&account) - before) as u64) / seconds;
        println!("{SOCKETS} sockets of {users} users: {spent:.1?} of processor time a second");
        assert_eq!(waits.len(), SOCKETS as usize);
    }
}
