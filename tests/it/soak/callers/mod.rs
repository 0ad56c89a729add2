//! Who calls, and what they may be answered.

mod asking;
mod changing;
mod flood;
mod leaving;
mod sockets;
mod strangers;
mod users;

use std::sync::Arc;

use fastrand::Rng;
use tokio::task::JoinSet;

pub(super) use asking::{Asked, Question, ask};
pub(super) use flood::fill;

use super::world::{CHANGING, World};

/// Starts everybody, until [`World::is_open`] says that it is over.
pub(super) fn start(world: &Arc<World>, random: &mut Rng) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    let mut with = || (world.clone(), random.fork());
    macro_rules! spawn {
        ($($who:expr),+ $(,)?) => {$({
            let (world, random) = with();
            callers.spawn($who(world, random));
        })+};
    }
    for lane in 0..users::LANES {
        spawn!(|world, random| users::known(world, random, lane));
    }
    spawn!(
        users::access_keys,
        users::jwts,
        users::members,
        users::relays,
        users::acting,
        users::new,
        users::log_outs
    );
    spawn!(strangers::tokens, strangers::jwts);
    for user in 0..CHANGING {
        spawn!(|world, random| changing::change(world, random, user));
    }
    spawn!(leaving::hang_up, leaving::read_slowly, leaving::read_slowly, sockets::open, sockets::open);
    callers
}
