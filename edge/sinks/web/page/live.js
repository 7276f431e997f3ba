// The connection: asks for one picture at a time, and comes back by itself when the service does.

import { ask } from "./api.js";

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 8000;
const ASIDE_MS = 1000;

export class Live {
  // on: {hello, events, private, picture(view, blob), state(name, detail)}; picture may return a promise: the next is
  // asked for after it.
  constructor(on) {
    this.on = on;
    this.paused = false;
    this.private = false;
    this.aside = "";
    this.retryMs = RETRY_FIRST_MS;
    this.staleMs = 3000;
    document.addEventListener("visibilitychange", () => this.follow());
    setInterval(() => this.watch(), 500);
    setInterval(() => this.askAside(), ASIDE_MS);
    this.follow();
  }

  pause(paused) {
    this.paused = paused;
    if (paused) {
      this.aside = this.private ? "private" : "paused";
      this.on.state("paused");
    }
    this.follow();
  }

  // A hidden or paused page gives its seat back. What is hidden would come back as an old picture: it goes.
  follow() {
    const wanted = !this.paused && document.visibilityState === "visible";
    if (wanted && !this.socket) this.open();
    if (!wanted) this.close();
    if (!wanted && !this.paused) this.on.state("connecting");
  }

  // A paused page keeps its picture, but hears of nothing without a seat: so it asks whether privacy is on. Where it
  // gets no answer it may be.
  async askAside() {
    if (!this.paused) return;
    let found = "disconnected";
    try {
      found = (await ask("/privacy")).on ? "private" : "paused";
    } catch (error) {
      if (error.status === 401) found = "signed-out";
    }
    if (!this.paused || found === this.aside) return;
    this.aside = found;
    if (found === "private") this.on.private();
    this.on.state(found);
  }

  open() {
    clearTimeout(this.timer);
    const socket = new WebSocket(`ws${location.protocol === "https:" ? "s" : ""}://${location.host}/api/v1/live`);
    socket.binaryType = "arraybuffer";
    let opened = false;
    socket.onopen = () => {
      opened = true;
      socket.send("next");
    };
    socket.onmessage = (message) => this.take(socket, message.data);
    socket.onclose = () => {
      if (this.socket === socket) this.lost(opened);
    };
    this.socket = socket;
    this.seenMs = performance.now();
  }

  close() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  async lost(opened) {
    this.socket = null;
    this.retryMs = opened ? RETRY_FIRST_MS : Math.min(2 * this.retryMs, RETRY_MAX_MS);
    this.private = false;
    this.timer = setTimeout(() => this.follow(), this.retryMs);
    // A browser does not say why a WebSocket was refused; the service does.
    let health = null;
    try {
      health = await (await fetch("/healthz")).json();
      await ask("/privacy");
    } catch (error) {
      if (error.status === 401) {
        clearTimeout(this.timer);  // until somebody signs in
        this.on.state("signed-out");
        return;
      }
    }
    if (this.paused || this.socket) return;
    const full = health && health.watchers >= health.max_watchers;
    this.on.state(full ? "full" : "disconnected", health?.max_watchers);
  }

  async take(socket, data) {
    if (typeof data === "string") {
      const message = JSON.parse(data);
      if (message.type === "hello") {
        this.staleMs = 1000 * message.stale_s;
        this.retryMs = RETRY_FIRST_MS;
      }
      if (message.type === "private") {
        this.private = true;
        this.on.state("private");
        socket.send("next");
      }
      this.on[message.type]?.(message);
      return;
    }
    this.seenMs = performance.now();
    this.private = false;
    this.on.state("running");
    const size = new DataView(data).getUint32(0);
    const view = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, size)));
    await this.on.picture(view, new Blob([new Uint8Array(data, 4 + size)], { type: "image/jpeg" }));
    if (socket.readyState === WebSocket.OPEN) socket.send("next");
  }

  watch() {
    if (this.socket?.readyState !== WebSocket.OPEN || this.private) return;
    const silentMs = performance.now() - this.seenMs;
    if (silentMs > this.staleMs) this.on.state("no-frames", Math.round(silentMs / 1000));
  }
}
