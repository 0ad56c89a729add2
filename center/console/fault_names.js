import { t } from "./words.js";

export const KINDS = ["refuse", "hang", "slow", "status", "code", "truncated", "reset", "html", "not_json"];

/** A fault as events name it, such as `status 503`. */
export function faultText(shown) {
  const [kind, ...rest] = shown.split(" ");
  return [t(`kind.${kind}`), ...rest].join(" ");
}

/** A fault as the list of those that are on has it. */
export const faultOf = ({ kind, status, code }) => faultText([kind, status ?? code].filter((part) => part !== undefined).join(" "));

// Of the protocol and the log-in.
export const ENDPOINTS = [
  "/user/info", "/token/verify", "/permission/check", "/access-key/verify", "/access-key/create", "/users/batch",
  "/users/batch-by-ids", "/users/list", "/users/compare-identity", "/users/authorize-by-token", "/groups/list", "/sync/user",
  "/sync/batch", "/webhook/register", "/webhook/unregister", "/service/register", "/service/heartbeat", "/service/unregister",
  "/stats/report/batch", "/feishu/message", "/feishu/identity/users/sync", "/feishu/identity/users/token",
  "/.well-known/openid-configuration", "/oauth/authorize", "/oauth/log-in", "/oauth/token", "/oauth/jwks", "/oauth/userinfo",
  "/oauth/revoke", "/oauth/end-session",
];
