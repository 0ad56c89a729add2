//! Default ids of instances.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The part of an id that no other process has: host and port may be those of another one, such as a replica of a container
/// with a set host name, or a new process that starts before the old one has stopped.
///
/// Random, since the process id is 1 in every container. Clones share it until one of them has [taken](Self::take) it.
#[derive(Clone)]
pub(super) struct UniquePart {
    text: Arc<str>,
    is_taken: Arc<AtomicBool>,
}

impl UniquePart {
    pub(super) fn new() -> Self {
        // `RandomState` is seeded by the operating system; fastrand's numbers come from the time and the thread.
        let text = format!("{:08x}", RandomState::new().hash_one(()) & 0xffff_ffff);
        Self { text: text.into(), is_taken: Arc::default() }
    }

    /// Takes this part for a registration, or a new one if a clone has taken it.
    pub(super) fn take(&mut self) {
        if self.is_taken.swap(true, Ordering::Relaxed) {
            *self = Self { is_taken: Arc::new(true.into()), ..Self::new() };
        }
    }

    /// Returns the default id of an instance.
    pub(super) fn instance_id(&self, host: &str, port: Option<u16>) -> String {
        match port {
            Some(port) => format!("{host}:{port}:{}", self.text),
            None => format!("{host}:{}", self.text),
        }
    }
}

/// The name of this machine.
pub(super) fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_has_host_port_and_a_part_of_its_own() {
        let mut part = UniquePart::new();
        let (bare, at_port) = (part.instance_id("vm", None), part.instance_id("vm", Some(8000)));
        let own = bare.strip_prefix("vm:").unwrap();
        assert!(own.len() == 8 && own.bytes().all(|byte| byte.is_ascii_hexdigit()), "{bare}");
        assert_eq!(at_port, format!("vm:8000:{own}"));
        assert_ne!(UniquePart::new().instance_id("vm", None), bare);

        let mut clone = part.clone();
        part.take();
        clone.take();
        let mut third = clone.clone();
        third.take();
        let ids = [&part, &clone, &third].map(|part| part.instance_id("vm", None));
        assert_eq!(ids[0], bare, "the first start has the id that was shown");
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
        assert!(!host_name().is_empty());
    }
}
