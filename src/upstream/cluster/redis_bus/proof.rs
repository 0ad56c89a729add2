//! Prove that no invalidation was missed.
//!
//! A replica has missed nothing if and only if
//! 1. Redis is still the process that it was: one that starts anew may have lost entries that it had acknowledged;
//! 2. the stream is still of the same epoch: a flush or an eviction takes it away, and the next one has another;
//! 3. the entries read go on without a hole from the last one known to the last one that was ever given;
//! 4. as many entries were added beside these as before.
//!
//! A publisher that was stopped across a flush can put an old epoch back into a new stream, whose numbers then start at 0. So those of
//! an epoch that was started start at random, far above: an epoch that was put back is none, and another has to be started.
//!
//! Anything else is a gap, after which everything is forgotten.

use std::ops::Range;

use super::horizon::Horizon;
use super::id::Id;

/// Which Redis it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// By its `run_id`.
    Run(Box<str>),
    /// Where `INFO` is not allowed: whichever is behind this connection of ours.
    Behind(u64),
}

/// The stream, as Redis describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    /// The last id that was given, whether or not its entry is still there.
    pub(super) last: Id,
    /// How many entries were ever added.
    pub(super) added: u64,
}

/// Up to where a replica has heard everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    server: Server,
    last: Id,
    /// How many entries were added beside those that are numbered in this epoch; wraps around.
    others: u64,
}

/// Why it cannot be proved that nothing was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// There is no position yet.
    New,
    OtherServer,
    OtherEpoch,
    WentBack,
    Hole,
    TooFarBehind,
    OtherCount,
}

impl Stream {
    /// Where the numbers of an epoch start.
    pub(super) const FIRST_NUMBER: Range<u64> = 1 << 32..1 << 48;

    /// No replica gets here. Whoever writes into the stream by hand may, and `XADD <epoch>-*` fails after the last number.
    const LAST_NUMBER: u64 = u64::MAX - (1 << 32);

    /// Whether its epoch was started in another stream, or is at the end of its numbers: another has to be started.
    pub(super) fn is_unusable(self) -> bool {
        !(Self::FIRST_NUMBER.start..Self::LAST_NUMBER).contains(&self.last.number)
    }

    fn others(self) -> u64 {
        self.added.wrapping_sub(self.last.number)
    }
}

impl Position {
    /// So many entries are read to catch up.
    pub(super) const MAX_BEHIND: usize = 1_000;

    /// The end of a stream. Everything from before has to be forgotten.
    pub(super) fn at_end(server: Server, stream: Stream) -> Self {
        Self { server, last: stream.last, others: stream.others() }
    }

    pub(super) fn last(&self) -> Id {
        self.last
    }

    /// The same for values in Redis; `None` where Redis does not say which it is, so that replicas cannot know that it is the same.
    pub(super) fn horizon(&self) -> Option<Horizon> {
        match &self.server {
            Server::Run(run) => {
                Some(Horizon { run: run.clone(), epoch: self.last.epoch, number: self.last.number })
            }
            Server::Behind(_) => None,
        }
    }

    /// Proves that these entries are all that were added since, and goes to their end.
    pub(super) fn advance(&mut self, server: &Server, stream: Stream, entries: &[Id]) -> Result<(), Gap> {
        if self.server != *server {
            return Err(Gap::OtherServer);
        }
        if self.last.epoch != stream.last.epoch {
            return Err(Gap::OtherEpoch);
        }
        if stream.last < self.last {
            return Err(Gap::WentBack);
        }
        if entries.len() > Self::MAX_BEHIND {
            return Err(Gap::TooFarBehind);
        }
        let mut reached = self.last;
        for entry in entries {
            reached.number += 1;
            if *entry != reached {
                return Err(Gap::Hole);
            }
        }
        if reached != stream.last {
            return Err(Gap::Hole);
        }
        if self.others != stream.others() {
            return Err(Gap::OtherCount);
        }
        self.last = reached;
        Ok(())
    }

    /// What a message with this id tells, which was pushed.
    pub(super) fn pushed(&mut self, id: Id) -> Pushed {
        if id.epoch != self.last.epoch {
            Pushed::Elsewhere
        } else if id.number <= self.last.number {
            Pushed::Known
        } else if id.number == self.last.number + 1 {
            self.last = id;
            Pushed::Next
        } else {
            Pushed::Elsewhere
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It was read before.
    Known,
    /// It is the next one.
    Next,
    /// Others have come before, or the stream is another one: read it.
    Elsewhere,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn run(id: &str) -> Server {
        Server::Run(id.into())
    }

    fn id(epoch: u64, number: u64) -> Id {
        Id { epoch, number }
    }

    #[test]
    fn each_condition_has_its_gap() {
        let start = Stream { last: id(5, 7), added: 8 };
        let ids = |numbers: &[u64]| numbers.iter().map(|number| id(5, *number)).collect::<Vec<_>>();
        let many: Vec<_> = (8..8 + Position::MAX_BEHIND as u64 + 1).collect();
        let enough = &many[..Position::MAX_BEHIND];
        let end = |numbers: &[u64]| *numbers.last().unwrap();
        let stream = |epoch, number, added| Stream { last: id(epoch, number), added };
        type Case = (&'static str, Server, Stream, Vec<Id>, Result<(), Gap>);
        let table: &[Case] = &[
            ("nothing new", run("a"), start, vec![], Ok(())),
            ("two more", run("a"), stream(5, 9, 10), ids(&[8, 9]), Ok(())),
            ("a thousand more", run("a"), stream(5, end(enough), end(enough) + 1), ids(enough), Ok(())),
            (
                "one too many",
                run("a"),
                stream(5, end(&many), end(&many) + 1),
                ids(&many),
                Err(Gap::TooFarBehind),
            ),
            ("another process, same stream", run("b"), start, vec![], Err(Gap::OtherServer)),
            ("no run id any more", Server::Behind(1), start, vec![], Err(Gap::OtherServer)),
            ("flushed, and started again", run("a"), stream(6, 7, 8), vec![], Err(Gap::OtherEpoch)),
            ("an older stream", run("a"), stream(4, 9, 10), vec![], Err(Gap::OtherEpoch)),
            ("entries lost", run("a"), stream(5, 6, 7), vec![], Err(Gap::WentBack)),
            ("trimmed past me", run("a"), stream(5, 10, 11), ids(&[10]), Err(Gap::Hole)),
            ("one was deleted", run("a"), stream(5, 10, 11), ids(&[8, 10]), Err(Gap::Hole)),
            ("the last was deleted", run("a"), stream(5, 9, 10), ids(&[8]), Err(Gap::Hole)),
            ("all were trimmed", run("a"), stream(5, 9, 10), vec![], Err(Gap::Hole)),
            (
                "an old epoch put back into a new stream",
                run("a"),
                stream(5, 8, 11),
                ids(&[8]),
                Err(Gap::OtherCount),
            ),
        ];
        for (what, server, stream, entries, expected) in table {
            let mut position = Position::at_end(run("a"), start);
            assert_eq!(position.advance(server, *stream, entries), *expected, "{what}");
            let reached = if expected.is_ok() { stream.last } else { start.last };
            assert_eq!(position.last(), reached, "{what}: where it is afterwards");
        }
        // A connection without INFO proves nothing of another one.
        for (now, expected) in [(1, Ok(())), (2, Err(Gap::OtherServer))] {
            let mut position = Position::at_end(Server::Behind(1), start);
            assert_eq!(position.advance(&Server::Behind(now), start, &[]), expected);
        }
    }

    /// `XADD <epoch>-*` fails after the last number, which no replica gets to.
    #[test]
    fn stream_whose_numbers_were_put_at_their_end_is_started_anew() {
        for (number, expected) in [
            (Stream::FIRST_NUMBER.start - 1, true),
            (Stream::FIRST_NUMBER.start, false),
            (Stream::FIRST_NUMBER.end, false),
            (1 << 62, false),
            (u64::MAX - 1, true),
            (u64::MAX, true),
        ] {
            let stream = Stream { last: id(5, number), added: 8 };
            assert_eq!(stream.is_unusable(), expected, "{number}");
        }
    }

    #[test]
    fn pushed_messages_are_next_known_or_elsewhere() {
        let mut position = Position::at_end(run("a"), Stream { last: id(5, 7), added: 8 });
        for (pushed, expected, reached) in [
            (id(5, 8), Pushed::Next, 8),
            (id(5, 8), Pushed::Known, 8),
            (id(5, 7), Pushed::Known, 8),
            (id(5, 10), Pushed::Elsewhere, 8),
            (id(6, 9), Pushed::Elsewhere, 8),
            (id(4, 9), Pushed::Elsewhere, 8),
            (id(5, 9), Pushed::Next, 9),
        ] {
            assert_eq!((position.pushed(pushed), position.last()), (expected, id(5, reached)), "{pushed:?}");
        }
        let next = Stream { last: id(5, 10), added: 11 };
        assert_eq!(position.advance(&run("a"), next, &[id(5, 10)]), Ok(()), "pushed ones count");
    }

    /// A Redis as it can behave, of which publishers know what they have last seen.
    struct Redis {
        run: u64,
        stream: Option<(Stream, Vec<(Id, u64)>)>,
        epochs: BTreeSet<u64>,
    }

    impl Redis {
        /// `XADD NOMKSTREAM <epoch>-*`: whether there is a stream, and whether it takes the epoch.
        fn add(&mut self, epoch: u64, serial: u64) -> Option<Result<Id, ()>> {
            let (stream, entries) = self.stream.as_mut()?;
            let last = stream.last;
            let next = match last.epoch.cmp(&epoch) {
                std::cmp::Ordering::Less => id(epoch, 0),
                std::cmp::Ordering::Equal => id(epoch, last.number + 1),
                std::cmp::Ordering::Greater => return Some(Err(())),
            };
            *stream = Stream { last: next, added: stream.added + 1 };
            entries.push((next, serial));
            Some(Ok(next))
        }

        /// Starts an epoch, by a clock that may be minutes off in either direction.
        fn start(&mut self, clock: u64, first: u64) {
            let epoch = (clock..).find(|epoch| self.epochs.insert(*epoch)).unwrap();
            let (stream, entries) = self.stream.get_or_insert((Stream { last: id(0, 0), added: 0 }, vec![]));
            if stream.last.epoch < epoch {
                *stream = Stream { last: id(epoch, first), added: stream.added + 1 };
                entries.push((stream.last, 0));
            }
        }
    }

    struct Replica {
        position: Option<Position>,
        heard: BTreeSet<u64>,
        /// Everything up to this one was forgotten.
        forgot: u64,
    }

    /// Publishers that stop across flushes, pushes that get lost, and everything that Redis does to a stream.
    #[test]
    fn nothing_is_missed_in_random_histories() {
        let mut random = test_support::seed::random();
        let (mut proved, mut gaps) = (0, BTreeSet::new());
        for _ in 0..5_000 {
            let mut redis = Redis { run: 0, stream: None, epochs: BTreeSet::new() };
            let mut epochs = [0_u64; 3];
            let mut replica = Replica { position: None, heard: BTreeSet::new(), forgot: 0 };
            let mut serial = 0;
            for _ in 0..60 {
                match random.u8(..100) {
                    0..50 => {
                        serial += 1;
                        let publisher = random.usize(..epochs.len());
                        let added = loop {
                            if epochs[publisher] == 0 {
                                match &redis.stream {
                                    Some((stream, _)) => epochs[publisher] = stream.last.epoch,
                                    None => {
                                        redis.start(random.u64(1..1_000), random.u64(Stream::FIRST_NUMBER));
                                    }
                                }
                                continue;
                            }
                            match redis.add(epochs[publisher], serial) {
                                Some(Ok(id)) => break id,
                                Some(Err(())) => epochs[publisher] = 0,
                                None => {
                                    redis.start(random.u64(1..1_000), random.u64(Stream::FIRST_NUMBER));
                                    epochs[publisher] = 0;
                                }
                            }
                        };
                        // The push may be lost.
                        if let Some(position) = &mut replica.position
                            && random.u8(..4) > 0
                        {
                            position.pushed(added);
                            replica.heard.insert(serial);
                        }
                    }
                    50..55 => redis.stream = None,
                    55..60 => redis.start(random.u64(1..1_000), random.u64(Stream::FIRST_NUMBER)),
                    60..65 => {
                        // Starts anew, with or without its last entries.
                        redis.run += 1;
                        if let Some((stream, entries)) = &mut redis.stream {
                            let lost = random.usize(..3).min(entries.len() - 1);
                            entries.truncate(entries.len() - lost);
                            stream.last = entries.last().unwrap().0;
                            stream.added -= lost as u64;
                        }
                    }
                    65..70 => {
                        if let Some((_, entries)) = &mut redis.stream {
                            let trimmed = random.usize(..entries.len());
                            entries.drain(..trimmed);
                        }
                    }
                    _ => {
                        let Some((stream, entries)) = &redis.stream else { continue };
                        if stream.is_unusable() {
                            gaps.insert("PutBack".to_owned());
                            replica.forgot = serial;
                            replica.position = None;
                            redis.start(stream.last.epoch + 1, random.u64(Stream::FIRST_NUMBER));
                            continue;
                        }
                        let server = run(&redis.run.to_string());
                        let after = replica.position.as_ref().map(Position::last);
                        let new: Vec<_> = entries.iter().filter(|(id, _)| Some(*id) > after).collect();
                        let ids: Vec<_> = new.iter().map(|(id, _)| *id).collect();
                        let outcome = match &mut replica.position {
                            Some(position) => position.advance(&server, *stream, &ids),
                            None => Err(Gap::New),
                        };
                        match outcome {
                            Ok(()) => {
                                proved += 1;
                                replica.heard.extend(new.iter().map(|(_, serial)| *serial));
                                let missed =
                                    (replica.forgot + 1..=serial).find(|one| !replica.heard.contains(one));
                                assert_eq!(missed, None, "in touch without having heard of it");
                            }
                            Err(gap) => {
                                gaps.insert(format!("{gap:?}"));
                                replica.forgot = serial;
                                replica.position = Some(Position::at_end(server, *stream));
                            }
                        }
                    }
                }
            }
        }
        println!("{proved} proofs; gaps: {gaps:?}");
        assert!(proved > 1_000 && gaps.len() >= 5, "{proved}, {gaps:?}");
    }
}
