// Questions to the service. A 401 anywhere means that the cookie is missing or its token was replaced.

const ROOT = "/api/v1";

export class Refused extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

export async function ask(path, options = {}) {
  const answer = await fetch(ROOT + path, { cache: "no-store", ...options });
  if (answer.status === 401) document.dispatchEvent(new Event("signed-out"));
  const body = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Refused(answer.status, body?.error ?? `status ${answer.status}`);
  return body;
}

export function send(method, path, body) {
  return ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}
