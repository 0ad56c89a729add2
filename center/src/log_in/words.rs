use axum::http::HeaderMap;

use crate::language::Language;

/// The texts of the pages, in a language.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) lang: &'static str,
    pub(super) log_in: &'static str,
    pub(super) choose: &'static str,
    pub(super) for_app: &'static str,
    pub(super) username: &'static str,
    pub(super) password: &'static str,
    pub(super) for_development: &'static str,
    pub(super) error: &'static str,
    pub(super) malformed: &'static str,
    pub(super) unknown_app: &'static str,
    pub(super) unknown_redirect_uri: &'static str,
    pub(super) page_is_over: &'static str,
    pub(super) foreign: &'static str,
    pub(super) wrong_password: &'static str,
    pub(super) disabled: &'static str,
    pub(super) sign_out: &'static str,
    pub(super) sign_out_question: &'static str,
    pub(super) signed_out: &'static str,
}

static ENGLISH: Words = Words {
    lang: "en",
    log_in: "Log in",
    choose: "Choose a user",
    for_app: "for the app",
    username: "Username",
    password: "Password",
    for_development: "A local auth center, for development only.",
    error: "This does not work",
    malformed: "The link or form is malformed: a parameter is missing, is there twice, or is no text.",
    unknown_app: "Unknown client_id: it is the id of an app of this center.",
    unknown_redirect_uri: "The redirect_uri is none of the app's: add it to redirect_uris in the seed, to the letter.",
    page_is_over: "This page was open for too long, had too many attempts, or is another browser's. Start again in the app.",
    foreign: "The form comes from another site.",
    wrong_password: "Unknown username, or wrong password.",
    disabled: "This user is disabled.",
    sign_out: "Sign out",
    sign_out_question: "Sign out of this center?",
    signed_out: "You are signed out.",
};

static CHINESE: Words = Words {
    lang: "zh-CN",
    log_in: "登录",
    choose: "选择用户",
    for_app: "应用",
    username: "用户名",
    password: "密码",
    for_development: "本地鉴权中心，仅供开发使用。",
    error: "无法继续",
    malformed: "链接或表单格式有误：参数缺失、重复，或不是文本。",
    unknown_app: "未知的 client_id：应为本中心某个应用的 ID。",
    unknown_redirect_uri: "redirect_uri 不属于该应用：请在种子文件的 redirect_uris 中逐字添加。",
    page_is_over: "页面已过期、尝试次数过多，或属于另一个浏览器。请从应用重新开始。",
    foreign: "表单来自其他网站。",
    wrong_password: "用户名不存在或密码错误。",
    disabled: "该用户已被禁用。",
    sign_out: "退出登录",
    sign_out_question: "要退出此鉴权中心吗？",
    signed_out: "您已退出登录。",
};

impl Words {
    /// Returns those of the language that the browser prefers.
    pub(super) fn of(headers: &HeaderMap) -> &'static Self {
        match Language::of(headers) {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }
}
