// Signing in: the token comes after # in the address, which browsers never send, or is typed.

import { send } from "./api.js";

const TOKEN = /^#([\w-]{20,})$/;

export class Session {
  // entered: called once the cookie is there.
  constructor(form, entered) {
    this.form = form;
    this.entered = entered;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.enter(form.querySelector("input").value.trim());
    });
    document.addEventListener("signed-out", () => this.ask());
    window.addEventListener("hashchange", () => this.fromAddress());
  }

  // Whether there was a token; it does not stay in the address, nor in the browser's history.
  async fromAddress() {
    const token = TOKEN.exec(location.hash)?.[1];
    if (!token) return;
    history.replaceState(null, "", location.pathname);
    await this.enter(token);
  }

  async enter(token) {
    const refused = this.form.querySelector("[role=alert]");
    refused.textContent = "";
    try {
      await send("POST", "/session", { token });
    } catch (error) {
      if (error.status === 404) return;  // this one asks for no token
      refused.textContent = error.status === 429 ? "Too many attempts: wait a little" : "This token is not the right one";
      this.ask();
      return;
    }
    this.form.querySelector("input").value = "";
    this.form.hidden = true;
    this.entered();
  }

  ask() {
    this.form.hidden = false;
  }
}
