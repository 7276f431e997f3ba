// The history: columns of minutes in view, by hour of a day or by day, one colour an emotion.

import { ask } from "./api.js";
import { duration, ORDER } from "./words.js";

const DAYS = 14;
const REFRESH_MS = 60_000;

export class Past {
  constructor({ box, none, byHour, byDay, day, total, columns, legend }) {
    Object.assign(this, { box, none, byHour, byDay, day, total, columns, legend });
    this.by = "hour";
    byHour.addEventListener("click", () => this.choose("hour"));
    byDay.addEventListener("click", () => this.choose("day"));
    day.addEventListener("change", () => this.refresh());
    setInterval(() => this.refresh(), REFRESH_MS);
  }

  start(kept) {
    this.box.hidden = !kept;
    this.none.hidden = kept;
    this.refresh();
  }

  choose(by) {
    this.by = by;
    this.byHour.setAttribute("aria-pressed", by === "hour");
    this.byDay.setAttribute("aria-pressed", by === "day");
    this.refresh();
  }

  async refresh() {
    if (this.box.hidden || document.visibilityState !== "visible") return;
    const days = this.by === "day" ? DAYS : 1;
    try {
      this.show(await ask(`/history/presence?by=${this.by}&days=${days}${this.day.value ? `&last=${this.day.value}` : ""}`));
    } catch (error) {
      this.total.textContent = error.message;
      this.columns.replaceChildren();
      this.legend.replaceChildren();
    }
  }

  show(steps) {
    const sums = steps.map((step) => Object.values(step.seconds).reduce((sum, seconds) => sum + seconds, 0));
    const most = Math.max(...sums, 60);
    const all = {};
    this.columns.replaceChildren(...steps.map((step, place) => {
      for (const [emotion, seconds] of Object.entries(step.seconds)) all[emotion] = (all[emotion] ?? 0) + seconds;
      return this.column(step, place, sums[place], most);
    }));
    const total = sums.reduce((sum, seconds) => sum + seconds, 0);
    this.total.textContent = total ? `A face in view for ${duration(total)}` : "No face was in view";
    this.legend.replaceChildren(...inOrder(all).map(([emotion, seconds]) => {
      const entry = document.createElement("li");
      entry.dataset.emotion = emotion;
      entry.textContent = `${emotion} ${duration(seconds)}`;
      return entry;
    }));
  }

  column(step, place, sum, most) {
    const column = document.getElementById("column").content.firstElementChild.cloneNode(true);
    const [stack, when, words] = column.children;
    stack.style.setProperty("--share", sum / most);
    for (const [emotion, seconds] of inOrder(step.seconds).reverse()) {
      const part = document.createElement("span");
      part.dataset.emotion = emotion;
      part.style.setProperty("--part", seconds);
      stack.append(part);
    }
    // The device's own clock is meant: its offset stands in the time.
    const [day, hour] = [step.time.slice(0, 10), step.time.slice(11, 13)];
    const date = new Date(day).toLocaleDateString([], { day: "numeric", month: "short", timeZone: "UTC" });
    const name = this.by === "hour" ? `${hour}:00` : date;
    when.textContent = place % (this.by === "day" ? 2 : 3) ? "" : name;
    const told = inOrder(step.seconds).map(([emotion, seconds]) => `${emotion} ${duration(seconds)}`);
    words.textContent = `${name}: ${told.join(", ") || "nobody"}`;
    column.title = words.textContent;
    return column;
  }
}

function inOrder(seconds) {
  const place = (word) => (ORDER.includes(word) ? ORDER.indexOf(word) : ORDER.length);
  return Object.entries(seconds).sort(([one], [other]) => place(one) - place(other));
}
