// A still picture: made small here, looked at over there, drawn with its boxes here. It is kept nowhere.

import { ask } from "./api.js";
import { drawCaption, drawPerson } from "./stage.js";
import { looks, percent } from "./words.js";

const LARGEST_PX = 1600;

export class Still {
  constructor({ input, canvas, says, hint }) {
    Object.assign(this, { canvas, says, hint });
    input.addEventListener("change", () => {
      const [file] = input.files;
      input.value = "";  // the same file may be chosen again
      if (file) this.look(file);
    });
  }

  async look(file) {
    this.says.textContent = "Looking …";
    try {
      const picture = await createImageBitmap(file);
      const { blob, width, height } = await shrunk(picture);
      const found = await ask("/predict", { method: "POST", headers: { "Content-Type": "image/jpeg" }, body: blob });
      this.show(picture, width, height, found.faces);
    } catch (error) {
      this.says.textContent = error instanceof DOMException ? "This is no picture that can be read" : error.message;
    }
  }

  show(picture, width, height, faces) {
    this.canvas.hidden = false;
    this.hint.hidden = true;
    Object.assign(this.canvas, { width, height });
    const pen = this.canvas.getContext("2d");
    pen.drawImage(picture, 0, 0, width, height);
    const people = faces.map((face, place) => ({
      box: face.box, visible: true, emotion: face.emotion, score: face.scores[face.emotion], track: `still ${place + 1}`,
    }));
    for (const person of people) drawPerson(pen, person, 1);
    for (const person of people) drawCaption(pen, person, false, 1, width, height);
    const words = people.map((person) => `${looks(person.emotion)}, ${percent(person.score)}`);
    this.says.textContent = words.map((said, place) => `${people.length > 1 ? `Face ${place + 1} ` : "The face "}${said}.`).join(" ")
      || "No face was found.";
    this.canvas.setAttribute("aria-label", `The chosen picture. ${this.says.textContent}`);
  }
}

async function shrunk(picture) {
  const scale = Math.min(1, LARGEST_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", 0.92); });
  return { blob, width: canvas.width, height: canvas.height };
}
