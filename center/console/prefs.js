// What a person has chosen, kept in the browser. A browser that keeps nothing has the defaults.

export function get(name) {
  try {
    return localStorage.getItem(`aigc-auth-center-${name}`);
  } catch {
    return null;
  }
}

export function put(name, value) {
  try {
    localStorage.setItem(`aigc-auth-center-${name}`, value);
  } catch {
    // It holds for this page then.
  }
}
