// Puts the page together.

import { Device } from "./device.js";
import { Faces } from "./faces.js";
import { Lines } from "./lines.js";
import { Live } from "./live.js";
import { Past } from "./past.js";
import { PrivacySwitch } from "./privacy.js";
import { Session } from "./session.js";
import { Stage } from "./stage.js";
import { Still } from "./still.js";
import { faceName, forgetFaces, sentence } from "./words.js";

const EVENTS_SHOWN = 50;
const $ = (id) => document.getElementById(id);
const say = (words) => { $("spoken").textContent = words; };

const stage = new Stage($("screen"), $("picture"), $("overlay"));
const faces = new Faces($("faces"), $("nobody"), $("spoken"));
const lines = new Lines($("lines"));
const privacy = new PrivacySwitch($("privacy"), say);
const device = new Device($("device"));
const past = new Past({
  box: $("history"), none: $("no-history"), byHour: $("by-hour"), byDay: $("by-day"), day: $("day"),
  total: $("history-total"), columns: $("columns"), legend: $("legend"),
});
new Still({ input: $("still"), canvas: $("still-picture"), says: $("still-says"), hint: $("still-hint") });
let service = null;

const NOTICES = {
  connecting: () => ["Connecting", "Waiting for the first picture"],
  running: () => ["Live", ""],
  paused: () => ["Paused", "Paused"],
  private: () => ["Private", "Privacy is on: the camera is closed"],
  "signed-out": () => ["Signed out", ""],
  "no-frames": (seconds) => ["No frames", `No frame from the camera for ${seconds} s`],
  disconnected: () => ["Disconnected", "Mien does not answer. Trying again …"],
  full: (most) => ["All seats taken", `Every viewer’s seat is taken (${most}). Trying again …`],
};

function state(name, detail) {
  const [status, notice] = NOTICES[name](detail);
  if (document.body.dataset.state !== name) {
    document.body.dataset.state = $("status").dataset.state = name;
    $("status").textContent = status;
    $("nobody").lastElementChild.textContent = name === "running" ? "No face in view" : "No picture to look at";
    if (name === "running" || name === "private") privacy.show(name === "private");
    if (name === "paused") privacy.refresh();
    device.refresh();
  }
  if ($("notice").textContent !== notice) $("notice").firstElementChild.textContent = notice;
  $("notice").hidden = !notice;
  if (name !== "running" && name !== "paused") {
    stage.clear();
    faces.show([]);
    $("rate").textContent = "–";
  }
}

// Nothing from before the switch was turned is left on the page.
function hidden() {
  lines.forget();
  forgetFaces();
  $("events").replaceChildren();
  $("nothing").hidden = false;
}

function hello(message) {
  if (service && service.version !== message.version) location.reload();
  if (service?.run !== message.run) {
    forgetFaces();
    lines.forget();
  }
  $("events").replaceChildren();  // the latest ones follow
  service = message;
  faces.correctable = message.feedback;
  $("feedback-kept").hidden = !message.feedback;
  past.start(message.history);
  $("camera").textContent = message.camera;
  $("model").textContent = message.model;
  document.title = `${message.camera} · Mien`;
  privacy.refresh();
}

function events({ events: happened }) {
  for (const event of happened) {
    const row = $("happening").content.firstElementChild.cloneNode(true);
    const time = new Date(event.time);
    row.querySelector("time").dateTime = event.time;
    row.querySelector("time").textContent = time.toLocaleTimeString([], { hour12: false });
    row.querySelector(".what").textContent = sentence(event);
    row.dataset.emotion = event.type === "emotion_changed" ? event.emotion : "";
    $("events").prepend(row);
  }
  while ($("events").children.length > EVENTS_SHOWN) $("events").lastElementChild.remove();
  $("nothing").hidden = $("events").children.length > 0;
}

async function picture(view, blob) {
  for (const person of view.people) faceName(person.track);  // numbered in the order of the list
  if (!await stage.show(view, blob)) return;
  faces.show(view.people, view.frame);
  lines.add(view);
  $("rate").textContent = `${view.frames_per_s.toFixed(1)} /s`;
  if ($("model").textContent !== view.model) $("model").textContent = view.model;
  $("size").textContent = `${view.size[0]} × ${view.size[1]}`;
  const names = view.people.map((person) => `${faceName(person.track)}: ${person.emotion ?? "not decided yet"}`);
  $("picture").setAttribute("aria-label", `Live picture. ${names.join(", ") || "No face in view"}`);
}

function toggles(button, action) {
  button.addEventListener("click", () => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", pressed);
    action(pressed);
  });
}

$("plain").hidden = location.protocol === "https:" || /^(localhost|127\.|\[::1\])/.test(location.hostname);

const session = new Session($("signin"), () => live?.follow());
let live = null;
await session.fromAddress();
live = new Live({ hello, events, picture, state, private: hidden });
toggles($("pause"), (pressed) => live.pause(pressed));
toggles($("boxes"), (pressed) => stage.showBoxes(pressed));
