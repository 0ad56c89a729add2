//! The messages for callers of the service.

use super::kind::ErrorKind;
use super::language::Language;

/// The subject of an error's message: the reference client has messages of its own for access keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Credential,
    /// A call that verifies nobody, such as a heartbeat.
    #[cfg(feature = "client")]
    Call,
    /// A membership in an organisation.
    Membership,
    AccessKey,
    AccessKeyOfAnotherApp,
    AccessKeyOfUnknownType,
    /// A request for another user, to a handler that is not made for it.
    ActAsElsewhere,
    /// A credential that a layer does not read from `Authorization`.
    CredentialElsewhere,
    /// An `Authorization` of another scheme than `Bearer`.
    OtherScheme,
    /// An `Authorization` that may be a credential, without a scheme.
    NoScheme,
}

/// Returns the message in this language.
pub(super) const fn of(about: About, kind: ErrorKind, language: Language) -> &'static str {
    let (english, chinese) = match (about, kind) {
        (About::AccessKey, _) => ("The access key is invalid or has expired", "访问密钥无效或已过期"),
        (About::AccessKeyOfAnotherApp, _) => {
            ("The access key belongs to another app", "访问密钥与应用不匹配")
        }
        (About::AccessKeyOfUnknownType, _) => ("The access key has an unknown type", "访问密钥类型无效"),
        (About::ActAsElsewhere, _) => (
            "Acting as another user (X-Act-As-User-Id) is not possible here",
            "此接口不支持代理其他用户（X-Act-As-User-Id）",
        ),
        (About::OtherScheme, _) => (
            "`Authorization` has another scheme than `Bearer`: send `Authorization: Bearer <token>`",
            "`Authorization` 的认证方案不是 `Bearer`，请发送 `Authorization: Bearer <token>`",
        ),
        (About::NoScheme, _) => (
            "`Authorization` has no scheme: send `Authorization: Bearer <token>`",
            "`Authorization` 缺少认证方案，请发送 `Authorization: Bearer <token>`",
        ),
        (About::CredentialElsewhere, _) => ("No credential was sent", "未提供认证信息"),
        #[cfg(feature = "client")]
        (About::Call, ErrorKind::Unavailable) => ("The call to the auth center failed", "调用鉴权中心失败"),
        (About::Membership, ErrorKind::Unavailable) => {
            ("The membership cannot be verified right now", "成员资格暂时无法验证")
        }
        (_, kind) => match kind {
            ErrorKind::MissingCredential => (
                "No bearer credential was sent: send `Authorization: Bearer <token>`",
                "未提供认证信息，请发送 `Authorization: Bearer <token>`",
            ),
            ErrorKind::InvalidCredential => {
                ("The credential is invalid or has expired", "未登录或 Token 已过期")
            }
            ErrorKind::CredentialTooLarge => ("The credential is too long", "认证信息过长"),
            ErrorKind::Expired => ("The token has expired", "Token 已过期"),
            ErrorKind::Denied => ("Access is denied", "禁止访问"),
            ErrorKind::MissingPermission => ("Permission is missing", "权限不足"),
            ErrorKind::InvalidRequest => ("The request is invalid", "请求无效"),
            ErrorKind::UnknownUser => ("There is no such user", "用户不存在"),
            ErrorKind::Unavailable => ("The credential cannot be verified right now", "鉴权服务暂不可用"),
            ErrorKind::Rejected => ("The auth center refused the call", "鉴权中心拒绝了请求"),
            ErrorKind::Misconfigured => ("The service is misconfigured", "服务配置错误"),
            ErrorKind::Internal => ("Internal error", "服务内部错误"),
        },
    };
    match language {
        Language::English => english,
        Language::Chinese => chinese,
    }
}
