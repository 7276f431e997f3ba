// How the device is, looked at every few seconds while the page is.

import { ask } from "./api.js";
import { duration } from "./words.js";

const REFRESH_MS = 5000;

export class Device {
  constructor(list) {
    this.list = list;
    setInterval(() => this.refresh(), REFRESH_MS);
  }

  async refresh() {
    if (document.visibilityState !== "visible") return;
    try {
      this.show(await ask("/device"));
    } catch {
      this.list.replaceChildren();
    }
  }

  show(device) {
    this.list.replaceChildren(...facts(device).map(([name, value, bad]) => {
      const row = document.getElementById("fact").content.firstElementChild.cloneNode(true);
      row.querySelector("dt").textContent = name;
      row.querySelector("dd").textContent = value;
      row.classList.toggle("bad", Boolean(bad));
      return row;
    }));
  }
}

function facts(device) {
  const { latency, stages, throttled } = device;
  const busy = Object.entries(stages).filter(([name]) => name !== "capture");
  const found = [
    ["State", [device.phase, device.note].filter(Boolean).join(", ")],
    ["Running for", duration(device.up_s)],
    ["Frames", `${device.frames.toLocaleString()}, ${device.dropped.toLocaleString()} too late`],
  ];
  if (latency) found.push(["From camera to here", `${latency.mean_ms.toFixed(0)} ms on average`]);
  if (busy.length) found.push(["Work a frame", `${busy.reduce((sum, [, stage]) => sum + stage.mean_ms, 0).toFixed(1)} ms`]);
  if (device.temperature_celsius !== null) {
    found.push(["Temperature", `${device.temperature_celsius.toFixed(0)} °C`, device.temperature_celsius >= 80]);
  }
  if (throttled) found.push(["Power and heat", throttled.join(", ") || "fine", throttled.length]);
  if (device.reduced.length) found.push(["Done more rarely", device.reduced.join(", "), true]);
  found.push(["Memory", `${(device.memory_bytes / 1e6).toFixed(0)} MB`], ["Load", device.load.toFixed(2)]);
  for (const [name, queue] of Object.entries(device.queues)) {
    if (queue.length || queue.dropped) found.push([`Waiting for ${name}`, `${queue.length}, ${queue.dropped} lost`, queue.dropped]);
  }
  found.push(["Watching", `${device.watchers} of ${device.max_watchers}`], ["Version", device.version]);
  if (device.board) found.push(["Board", device.board]);
  return found;
}
