// One line a face over the last minutes, in the colour of what it looked like; a thin grey one where it was unclear.

import { colour } from "./colours.js";
import { faceName } from "./words.js";

const SPAN_MS = 180_000;
const ROW_PX = 26;
const ROWS_MAX = 6;
const LEFT_PX = 60;
const DRAW_EVERY_MS = 400;
const GAP_MS = 1500;

export class Lines {
  constructor(canvas) {
    this.canvas = canvas;
    this.tracks = new Map();
    this.now = 0;
    this.drawn = 0;
    new ResizeObserver(() => this.draw()).observe(canvas);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  forget() {
    this.tracks.clear();
    this.draw();
  }

  // view: what a picture came with. The line grows by it.
  add(view) {
    this.now = Date.parse(view.time);
    for (const person of view.people) {
      if (!person.visible) continue;
      const parts = this.tracks.get(person.track) ?? [];
      const last = parts.at(-1);
      const goesOn = last && this.now >= last.to && this.now - last.to < GAP_MS;
      if (goesOn) last.to = this.now;
      if (!goesOn || last.emotion !== person.emotion) {
        parts.push({ from: this.now, to: this.now, emotion: person.emotion });
      }
      this.tracks.set(person.track, parts);
    }
    for (const [track, parts] of this.tracks) {
      while (parts.length && !(this.now - parts[0].to < SPAN_MS && parts[0].from <= this.now)) parts.shift();
      if (!parts.length) this.tracks.delete(track);
    }
    if (performance.now() - this.drawn > DRAW_EVERY_MS) this.draw();
  }

  draw() {
    this.drawn = performance.now();
    const rows = [...this.tracks].slice(-ROWS_MAX);
    const ratio = window.devicePixelRatio || 1;
    const width = this.canvas.clientWidth;
    const height = ROW_PX * Math.max(1, rows.length) + 22;
    this.canvas.style.setProperty("--height", `${height}px`);
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(this.canvas);
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    const x = (time) => LEFT_PX + (width - LEFT_PX - 8) * (1 - (this.now - time) / SPAN_MS);
    this.drawMinutes(pen, style, height, x);
    rows.forEach(([track, parts], row) => {
      const y = ROW_PX * (row + 0.5);
      pen.fillStyle = style.getPropertyValue("--soft");
      pen.fillText(faceName(track), 0, y);
      for (const part of parts) drawPart(pen, style, part, x, y);
    });
    this.describe(rows);
  }

  drawMinutes(pen, style, height, x) {
    pen.textAlign = "center";
    for (let minute = 0; minute <= 3; minute += 1) {
      const at = x(this.now - 60_000 * minute);
      pen.fillStyle = style.getPropertyValue("--line");
      pen.fillRect(Math.round(at), 0, 1, height - 20);
      pen.fillStyle = style.getPropertyValue("--soft");
      pen.textAlign = minute ? "center" : "right";
      pen.fillText(minute ? `−${minute} min` : "now", at, height - 9);
    }
    pen.textAlign = "left";
  }

  describe(rows) {
    const words = rows.map(([track, parts]) => {
      const emotions = parts.map((part) => part.emotion ?? "not decided").slice(-4);
      return `${faceName(track)}: ${emotions.join(", then ")}`;
    });
    const label = words.join("; ") || "Nobody was in view";
    if (this.canvas.getAttribute("aria-label") !== label) this.canvas.setAttribute("aria-label", label);
  }
}

function drawPart(pen, style, part, x, y) {
  const from = Math.max(LEFT_PX, x(part.from));
  const wide = Math.max(2, x(part.to) - from);
  const known = part.emotion && part.emotion !== "uncertain";
  const tall = known ? 10 : 3;
  pen.fillStyle = known ? style.getPropertyValue(`--${part.emotion}`) || colour(part.emotion) : style.getPropertyValue("--soft");
  pen.beginPath();
  pen.roundRect(from, y - tall / 2, wide, tall, Math.min(tall / 2, wide / 2));
  pen.fill();
}
