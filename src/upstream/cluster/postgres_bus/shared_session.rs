use crate::ports::invalidation_bus::BusError;

pub(super) const NO_SESSION: &str = "LISTEN takes a session of its own, and this is a pooler in transaction mode, which drops messages: connect to PostgreSQL \
     itself, or to a pooler in session mode";

/// A pooler hands its sessions to one client after the other, with LISTEN of those before. Their messages then arrive where sqlx
/// expects an answer, which it calls a fault of the protocol.
pub(super) fn explained(error: sqlx::Error) -> BusError {
    match error {
        sqlx::Error::Protocol(fault) => format!("{NO_SESSION} (sqlx: {fault})").into(),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_in_place_of_an_answer_is_the_pooler() {
        let fault = sqlx::Error::Protocol("execute: unexpected message: NotificationResponse".into());
        let text = explained(fault).to_string();
        assert!(text.starts_with(NO_SESSION) && text.contains("NotificationResponse"), "{text}");
        assert_eq!(explained(sqlx::Error::PoolTimedOut).to_string(), sqlx::Error::PoolTimedOut.to_string());
    }
}
