// What packages of npm give out for one user, ann, each as its guide has it: access, refresh and ID tokens, and others.
//
// A JSON list: the issuer, its secret or key set, the user's id unless that is 42, and the tokens. Where an issuer has a place
// for claims of the application, she is an editor who may read reports, of ops; to better-auth also an admin. oidc-provider
// serves its metadata and its keys until standard input ends.
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { oauthProvider } from "@better-auth/oauth-provider";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { admin, jwt } from "better-auth/plugins";
import { SignJWT, exportJWK, generateKeyPair } from "jose";
import jsonwebtoken from "jsonwebtoken";
import { Provider } from "oidc-provider";

const API = "https://api.example.com";
const LOGIN = "https://login.example.com";
const CLAIMS = { roles: ["editor"], permissions: ["report:read"], groups: ["ops"] };
const base64url = (bytes) => bytes.toString("base64url");

async function ofJose() {
  const { publicKey, privateKey } = await generateKeyPair("ES512", { extractable: true });
  const sign = (typ, audience, claims) =>
    new SignJWT(claims).setProtectedHeader({ alg: "ES512", typ, kid: "jose" }).setIssuer(LOGIN).setSubject("42")
      .setAudience(audience).setIssuedAt().setExpirationTime("5 minutes").sign(privateKey);
  return {
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: "jose" }] },
    access: await sign("at+jwt", ["reports"], { ...CLAIMS, username: "ann" }),
    refresh: await sign("JWT", ["reports"], { type: "refresh" }),
    id: await sign("JWT", ["web"], { name: "Ann" }),
  };
}

function ofJsonwebtoken() {
  const secret = base64url(randomBytes(32));
  const sign = (audience, claims) =>
    jsonwebtoken.sign(claims, secret, { issuer: LOGIN, subject: "42", audience, expiresIn: "5m" });
  return {
    secret,
    access: sign("reports", { ...CLAIMS, username: "ann" }),
    refresh: sign("reports", { token_type: "refresh" }),
    id: sign("web", { name: "Ann" }),
    // Without `expiresIn` it has no end.
    others: [jsonwebtoken.sign({ aud: "reports", iss: LOGIN, sub: "42" }, secret)],
  };
}

async function ofBetterAuth() {
  const base = "https://app.example.com";
  const tables = ["user", "session", "account", "verification", "jwks", "oauthClient", "oauthResource", "oauthClientResource",
    "oauthRefreshToken", "oauthAccessToken", "oauthConsent", "oauthClientAssertion"];
  const auth = betterAuth({
    baseURL: base,
    secret: "of this test, and long enough for it",
    database: memoryAdapter(Object.fromEntries(tables.map((table) => [table, []]))),
    emailAndPassword: { enabled: true },
    plugins: [
      admin(),
      jwt(),
      oauthProvider({
        loginPage: "/login", consentPage: "/consent", resources: [API], enforcePerClientResources: false,
        scopes: ["openid", "profile", "email", "offline_access", "report:read"],
      }),
    ],
    logger: { disabled: true },
    telemetry: { enabled: false },
  });
  const call = (path, { headers, ...init } = {}) =>
    auth.handler(new Request(`${base}/api/auth${path}`, { ...init, headers: { origin: base, ...headers } }));
  const json = async (path, init) => {
    const answer = await call(path, init);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const signUp = await call("/sign-up/email", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "Ann", email: "ann@example.com", password: "secret of ann" }),
  });
  const { user } = await signUp.json();
  const cookie = signUp.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");
  const context = await auth.$context;
  await context.internalAdapter.updateUser(user.id, { role: "admin" });
  await auth.api.setRole({ headers: new Headers({ cookie }), body: { userId: user.id, role: ["editor", "admin"] } });
  const session = (await json("/token", { headers: { cookie } })).token;

  const redirect = "https://web.example.com/callback";
  const client = await auth.api.adminCreateOAuthClient({
    headers: new Headers({ cookie }),
    body: {
      redirect_uris: [redirect], skip_consent: true, scope: "openid profile email offline_access report:read",
      token_endpoint_auth_method: "client_secret_post", grant_types: ["authorization_code", "refresh_token"],
    },
  });
  const tokens = async (resource) => {
    const verifier = base64url(randomBytes(32));
    const query = new URLSearchParams({
      client_id: client.client_id, response_type: "code", redirect_uri: redirect, state: "s",
      scope: "openid profile email offline_access report:read",
      code_challenge: base64url(createHash("sha256").update(verifier).digest()), code_challenge_method: "S256",
      ...resource,
    });
    const authorized = await call(`/oauth2/authorize?${query}`, { headers: { cookie } });
    const code = new URL(authorized.headers.get("location")).searchParams.get("code");
    return json("/oauth2/token", {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code", code, redirect_uri: redirect, code_verifier: verifier,
        client_id: client.client_id, client_secret: client.client_secret, ...resource,
      }),
    });
  };
  const { access_token: access, refresh_token: refresh, id_token: id } = await tokens({ resource: API });
  const opaque = (await tokens({})).access_token;
  const jwks = await json("/jwks");
  return [
    { issuer: "better-auth", jwks, user: user.id, access: session, refresh, id, others: [access, opaque] },
    { issuer: "@better-auth/oauth-provider", jwks, user: user.id, access, refresh, id, others: [session, opaque] },
  ];
}

async function ofOidcProvider() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${server.address().port}`;
  const redirect = "https://web.example.com/callback";
  const provider = new Provider(base, {
    clients: [{ client_id: "web", client_secret: "secret of web", redirect_uris: [redirect],
      grant_types: ["authorization_code", "refresh_token"], token_endpoint_auth_method: "client_secret_post" }],
    scopes: ["openid", "offline_access"],
    claims: { openid: ["sub"] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({ scope: "report:read", audience: API, accessTokenFormat: "jwt" }),
      },
    },
    issueRefreshToken: () => true,
    extraTokenClaims: () => ({ groups: ["ops"], roles: ["editor"] }),
  });
  server.on("request", provider.callback());
  const client = await provider.Client.find("web");
  const grant = new provider.Grant({ accountId: "42", clientId: "web" });
  grant.addOIDCScope("openid offline_access");
  grant.addResourceScope(API, "report:read");
  const grantId = await grant.save();
  // What the pages of a log-in would leave behind.
  const issue = async (resource) => {
    const verifier = base64url(randomBytes(32));
    const code = new provider.AuthorizationCode({
      client, accountId: "42", grantId, redirectUri: redirect, scope: "openid offline_access report:read", gty: "authorization_code",
      codeChallenge: base64url(createHash("sha256").update(verifier).digest()), codeChallengeMethod: "S256",
      authTime: Math.floor(Date.now() / 1000), ...resource,
    });
    const answer = await fetch(`${base}/token`, {
      method: "POST",
      body: new URLSearchParams({ grant_type: "authorization_code", code: await code.save(), redirect_uri: redirect,
        code_verifier: verifier, client_id: "web", client_secret: "secret of web", ...resource }),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const { access_token: access, refresh_token: refresh, id_token: id } = await issue({ resource: API });
  const opaque = (await issue({})).access_token;
  return { base, access, refresh, id, others: [opaque] };
}

console.warn = console.info = () => {};
const rows = [
  { issuer: "jose", ...(await ofJose()) },
  { issuer: "jsonwebtoken", ...ofJsonwebtoken() },
  ...(await ofBetterAuth()),
  { issuer: "oidc-provider", ...(await ofOidcProvider()) },
];
process.stdout.write(`${JSON.stringify(rows)}\n`);
process.stdin.on("end", () => process.exit(0)).resume();
