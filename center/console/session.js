// The token of the console's URL, and calls of the API with it.
//
// It leaves the URL for the storage of this tab. A cookie would be sent to every port of this host, and so to each service on
// this machine.

const KEY = "aigc-auth-center-token";

let token = "";

/** Takes the token out of the URL, else out of the tab. Returns whether there is one. */
export function begin() {
  const given = /^#token=([\w-]+)$/.exec(location.hash);
  if (given) history.replaceState(null, "", location.pathname);
  set(given ? given[1] : (sessionStorage.getItem(KEY) ?? ""));
  return token !== "";
}

export function set(text) {
  token = text.trim();
  if (token) sessionStorage.setItem(KEY, token);
  else sessionStorage.removeItem(KEY);
}

export class ApiError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** Calls the API. Returns its JSON, or null where it answers none. */
export async function api(method, path, body) {
  const headers = { Authorization: `Bearer ${token}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const response = await fetch(`/api/${path}`, options);
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : null;
  throw new ApiError(response.status, errorOf(text) || `${response.status} ${response.statusText}`);
}

function errorOf(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return text.slice(0, 500);
  }
}

/** Opens the stream of events. Not by EventSource, which sends no Authorization. */
export const open = (after, signal) =>
  fetch(`/api/events?after=${after}`, { headers: { Authorization: `Bearer ${token}` }, signal });
