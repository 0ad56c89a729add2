//! `docs/observability.md` has a word on everything that an observer may be told.

use aigc_auth::error::ErrorKind;
use aigc_auth::observer::{
    BreakerState, CallOutcome, ClusterChange, CredentialSeen, DropReason, LookedUp, LookupAnswer, RefusedBy,
    RegistryChange, UsageOutcome, UserSyncOutcome, VerifierKind, WebhookOutcome,
};

const GUIDE: &str = include_str!("../../../docs/observability.md");

#[test]
fn every_label_is_in_the_guide() {
    macro_rules! labels {
        ($($of:ty),+) => {[$((stringify!($of), <$of>::ALL.iter().map(|label| label.as_str()).collect::<Vec<_>>())),+]};
    }
    for (of, labels) in labels!(
        BreakerState,
        CallOutcome,
        ClusterChange,
        CredentialSeen,
        DropReason,
        ErrorKind,
        LookedUp,
        LookupAnswer,
        RefusedBy,
        RegistryChange,
        UsageOutcome,
        UserSyncOutcome,
        VerifierKind,
        WebhookOutcome
    ) {
        for label in &labels {
            assert!(GUIDE.contains(&format!("`{label}`")), "{of}: {label}");
            assert!(label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{of}: {label}");
            assert_eq!(labels.iter().filter(|other| *other == label).count(), 1, "{of}: {label}");
        }
    }
}
