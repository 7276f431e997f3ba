// The picture, and over it the boxes. The picture keeps the frame's own pixels; boxes are drawn in the screen's.

import { colour } from "./colours.js";
import { faceName, percent } from "./words.js";

const FONT = "600 13px system-ui, sans-serif";
const LINE_PX = 2.5;

export class Stage {
  constructor(screen, picture, overlay) {
    this.screen = screen;
    this.picture = picture;
    this.overlay = overlay;
    this.boxes = true;
    this.view = null;
    this.cleared = 0;
    new ResizeObserver(() => this.draw()).observe(overlay);
  }

  // Whether it was shown: a picture that is still being decoded when the stage is cleared comes too late.
  async show(view, blob) {
    const { cleared } = this;
    const image = await createImageBitmap(blob);
    if (this.cleared !== cleared) {
      image.close();
      return false;
    }
    if (this.picture.width !== image.width || this.picture.height !== image.height) {
      this.picture.width = image.width;
      this.picture.height = image.height;
      this.screen.style.setProperty("--shape", `${image.width} / ${image.height}`);
    }
    this.picture.getContext("2d").drawImage(image, 0, 0);
    image.close();
    this.view = view;
    this.draw();
    return true;
  }

  showBoxes(boxes) {
    this.boxes = boxes;
    this.draw();
  }

  // No picture is left standing once it is not live any more.
  clear() {
    this.cleared += 1;
    this.view = null;
    this.picture.getContext("2d").clearRect(0, 0, this.picture.width, this.picture.height);
    this.picture.setAttribute("aria-label", "No picture");
    this.draw();
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.overlay;
    if (this.overlay.width !== Math.round(width * ratio) || this.overlay.height !== Math.round(height * ratio)) {
      this.overlay.width = Math.round(width * ratio);
      this.overlay.height = Math.round(height * ratio);
    }
    const pen = this.overlay.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!this.view || !this.boxes) return;
    const scale = width / this.view.size[0];
    const { people } = this.view;
    for (const person of people) drawPerson(pen, person, scale);
    // Captions come last: no box may cross them. One face needs no number.
    for (const person of people) drawCaption(pen, person, people.length > 1, scale, width, height);
  }
}

export function drawPerson(pen, person, scale) {
  const [x, y, right, bottom] = person.box.map((edge) => edge * scale);
  pen.globalAlpha = person.visible ? 1 : 0.45;
  pen.beginPath();
  pen.roundRect(x, y, right - x, bottom - y, Math.min(10, (right - x) / 6));
  pen.strokeStyle = "rgb(0 0 0 / 45%)";
  pen.lineWidth = LINE_PX + 2.5;
  pen.stroke();
  pen.strokeStyle = colour(person.emotion);
  pen.lineWidth = LINE_PX;
  pen.stroke();
  pen.globalAlpha = 1;
}

export function drawCaption(pen, person, numbered, scale, width, height) {
  const [left, top, , bottom] = person.box.map((edge) => edge * scale);
  const text = caption(person, numbered);
  pen.globalAlpha = person.visible ? 1 : 0.45;
  pen.font = FONT;
  const wide = pen.measureText(text).width + 32;
  const tall = 24;
  const x = Math.max(4, Math.min(left, width - wide - 4));
  // Above the box where there is room, else below it, so that the words never cover the face.
  const above = top - tall - 6;
  const y = above >= 4 ? above : Math.min(bottom + 6, height - tall - 4);
  pen.beginPath();
  pen.roundRect(x, y, wide, tall, tall / 2);
  pen.fillStyle = "rgb(14 18 20 / 82%)";
  pen.fill();
  pen.beginPath();
  pen.arc(x + 13, y + tall / 2, 5, 0, 2 * Math.PI);
  pen.fillStyle = colour(person.emotion);
  pen.fill();
  pen.fillStyle = "#fff";
  pen.textBaseline = "middle";
  pen.fillText(text, x + 23, y + tall / 2 + 1);
  pen.globalAlpha = 1;
}

function caption(person, numbered) {
  const score = person.emotion && person.emotion !== "uncertain" ? ` ${percent(person.score)}` : "";
  const words = person.emotion ? `${person.emotion}${score}` : "looking …";
  return numbered ? `${faceName(person.track)}: ${words}` : words;
}
