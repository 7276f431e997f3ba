// A colour an emotion: the palette of Okabe and Ito 2008, which colour-blind people can tell apart.
// On the picture and in dark mode these; style.css has darker shades of the same hues for a light page.

const COLOURS = {
  neutral: "#b4b9bd",
  happiness: "#e69f00",
  surprise: "#f0e442",
  sadness: "#3d9be0",
  anger: "#ee6a2c",
  disgust: "#1fb88b",
  fear: "#d98fb8",
  contempt: "#a5d8f5",
};

export function colour(emotion) {
  return COLOURS[emotion] ?? "#e8ecee";
}
