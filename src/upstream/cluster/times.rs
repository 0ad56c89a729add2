use std::time::Duration;

/// Two checks: a replica that had no proof for longer is out of touch.
pub(super) const IN_TOUCH: Duration = Duration::from_secs(2);
