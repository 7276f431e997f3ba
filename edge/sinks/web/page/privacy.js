// The switch. It shows what the service says, never only what was pressed.

import { ask, send } from "./api.js";

export class PrivacySwitch {
  constructor(button, say) {
    this.button = button;
    this.say = say;
    button.addEventListener("click", () => this.turn());
  }

  show(on) {
    this.button.disabled = false;
    this.button.setAttribute("aria-checked", on);
  }

  async refresh() {
    try {
      this.show((await ask("/privacy")).on);
    } catch {
      this.button.disabled = true;
    }
  }

  async turn() {
    const on = this.button.getAttribute("aria-checked") !== "true";
    this.button.disabled = true;
    try {
      this.show((await send("PUT", "/privacy", { on })).on);
      this.say(on ? "Privacy is on: the camera is closed" : "Privacy is off");
    } catch (error) {
      this.say(`The switch could not be turned: ${error.message}`);
      await this.refresh();
    }
    this.button.disabled = false;
    this.button.focus();
  }
}
