// What the page says. A label of the model stays a label: an expression "looks like" it, no more.

const LOOKS = {
  neutral: "looks neutral",
  happiness: "looks like happiness",
  surprise: "looks like surprise",
  sadness: "looks like sadness",
  anger: "looks like anger",
  disgust: "looks like disgust",
  fear: "looks like fear",
  contempt: "looks like contempt",
  uncertain: "is uncertain",
};

export const EMOTIONS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"];

// From the calm one to those that are none.
export const ORDER = [...EMOTIONS, "uncertain", "undecided"];

export function looks(emotion) {
  return LOOKS[emotion] ?? `looks like ${emotion}`;
}

export function percent(score) {
  return `${Math.round(100 * score)} %`;
}

export function duration(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// Faces get a number a reader can remember; the track id behind it is random and forgotten when the page closes.
const numbers = new Map();

export function faceName(track) {
  if (!numbers.has(track)) numbers.set(track, numbers.size + 1);
  return `Face ${numbers.get(track)}`;
}

export function forgetFaces() {
  numbers.clear();
}

export function sentence(event) {
  const face = faceName(event.track);
  if (event.type === "face_appeared") return `${face} came into view`;
  if (event.type === "face_left") return `${face} left after ${duration(event.duration_s)}`;
  if (event.type === "emotion_changed") {
    return event.emotion === "uncertain" ? `${face} is hard to read: uncertain` : `${face} ${looks(event.emotion)}`;
  }
  return event.type.replaceAll("_", " ");
}
