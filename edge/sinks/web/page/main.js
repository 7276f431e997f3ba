// Puts the page together.

import { Faces } from "./faces.js";
import { Live } from "./live.js";
import { Stage } from "./stage.js";
import { faceName, forgetFaces, sentence } from "./words.js";

const EVENTS_SHOWN = 50;
const $ = (id) => document.getElementById(id);

const stage = new Stage($("screen"), $("picture"), $("overlay"));
const faces = new Faces($("faces"), $("nobody"), $("spoken"));
let service = null;

const NOTICES = {
  connecting: () => ["Connecting", "Waiting for the first picture"],
  running: () => ["Live", ""],
  paused: () => ["Paused", "Paused"],
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
  }
  if ($("notice").textContent !== notice) $("notice").firstElementChild.textContent = notice;
  $("notice").hidden = !notice;
  if (name !== "running" && name !== "paused") {
    stage.clear();
    faces.show([]);
    $("rate").textContent = "–";
  }
}

function hello(message) {
  if (service && service.version !== message.version) location.reload();
  if (service?.run !== message.run) forgetFaces();
  $("events").replaceChildren();  // the latest ones follow
  service = message;
  $("camera").textContent = message.camera;
  $("model").textContent = message.model;
  document.title = `${message.camera} · Mien`;
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
  faces.show(view.people);
  $("rate").textContent = `${view.frames_per_s.toFixed(1)} /s`;
  $("size").textContent = `${view.size[0]} × ${view.size[1]}`;
  const names = view.people.map((person) => `${faceName(person.track)}: ${person.emotion ?? "not decided yet"}`);
  $("picture").setAttribute("aria-label", `Live picture. ${names.join(", ") || "No face in view"}`);
}

const live = new Live({ hello, events, picture, state });

function toggles(button, action) {
  button.addEventListener("click", () => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", pressed);
    action(pressed);
  });
}

toggles($("pause"), (pressed) => live.pause(pressed));
toggles($("boxes"), (pressed) => stage.showBoxes(pressed));
