//! Processor time of a server's thread, a request over loopback HTTP/1.1 with keep-alive, with all that its tasks do beside.

use crate::account::spent;
use crate::connections::{CONNECTIONS, Connections};
use crate::in_process::{Measured, cases};
use crate::orders::Worker;
use crate::table::Place;

const ROUNDS: usize = 61;
/// The first rounds warm up.
const WARM: usize = 3;
/// Processor time of a case in a round, in nanoseconds.
const SLICE: f64 = 12e6;

struct Server {
    account: String,
    connections: Connections,
    times: usize,
    read: f64,
}

impl Server {
    /// Nanoseconds a request since the last call: what the thread has done while others had their turn is among them.
    fn turn(&mut self) -> f64 {
        self.connections.run(self.times);
        let before = std::mem::replace(&mut self.read, spent(&self.account));
        (self.read - before) / (self.times * CONNECTIONS) as f64
    }
}

pub(crate) fn measure(workers: &mut [Worker], is_check: bool) -> Vec<Measured> {
    let mut cases: Vec<Measured> = cases(workers, Place::Process);
    let mut servers: Vec<Server> = cases
        .iter()
        .map(|case| {
            let listening = workers[case.worker].serve(case.peer.name);
            let connections = Connections::new(listening.address, &listening.credential);
            let read = spent(&listening.account);
            Server { account: listening.account, connections, times: 1, read }
        })
        .collect();
    if is_check {
        servers.iter_mut().for_each(|server| server.connections.run(1));
        return cases;
    }
    for server in &mut servers {
        server.times = 4;
        server.turn();
        server.times = (SLICE / (server.turn() * CONNECTIONS as f64)).clamp(2.0, 200.0) as usize;
    }
    for round in 0..ROUNDS + WARM {
        for (case, server) in cases.iter_mut().zip(&mut servers) {
            let nanoseconds = server.turn();
            if round >= WARM {
                case.rounds.push(nanoseconds);
            }
        }
    }
    cases
}
