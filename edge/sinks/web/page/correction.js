// "This is wrong, it is ...": the face as it was when the button was pressed, with the label that it should have.

import { send } from "./api.js";
import { EMOTIONS } from "./words.js";

export class Correction {
  // seen: gives the person and the frame's number, as shown just now.
  constructor(root, seen, say) {
    this.button = root.querySelector(".wrong");
    this.form = root.querySelector(".correction");
    this.select = this.form.querySelector("select");
    this.say = say;
    this.button.hidden = false;
    this.button.addEventListener("click", () => {
      this.about = seen();
      this.open();
    });
    this.form.addEventListener("reset", () => this.close());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.keep();
    });
  }

  open() {
    const others = EMOTIONS.filter((emotion) => emotion !== this.about.emotion);
    this.select.replaceChildren(...others.map((emotion) => new Option(emotion, emotion)));
    this.button.hidden = true;
    this.form.hidden = false;
    this.select.focus();
  }

  close() {
    this.form.hidden = true;
    this.button.hidden = false;
    this.button.focus();
  }

  async keep() {
    const { track, frame } = this.about;
    try {
      await send("POST", "/feedback", { track, frame, emotion: this.select.value });
      this.say(`Kept as ${this.select.value}`);
    } catch (error) {
      this.say(`Not kept: ${error.message}`);
    }
    this.close();
  }
}
