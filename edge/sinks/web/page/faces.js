// "Now": one card a face, with a bar a label. Elements are kept from frame to frame, so that bars can glide.

import { Correction } from "./correction.js";
import { duration, faceName, looks, percent } from "./words.js";

export class Faces {
  constructor(list, empty, spoken) {
    this.list = list;
    this.empty = empty;
    this.spoken = spoken;
    this.cards = new Map();
    this.correctable = false;
  }

  // frame: the number of the frame that shows them.
  show(people, frame = 0) {
    this.frame = frame;
    for (const [track, card] of this.cards) {
      if (!people.some((person) => person.track === track)) {
        card.root.remove();
        this.cards.delete(track);
      }
    }
    for (const person of people) this.card(person).show(person);
    this.empty.hidden = people.length > 0;
  }

  card(person) {
    let card = this.cards.get(person.track);
    if (!card) {
      card = new Card(person, (words) => { this.spoken.textContent = words; });
      if (this.correctable) card.correctable(() => this.frame);
      this.cards.set(person.track, card);
      this.list.append(card.root);
    }
    return card;
  }
}

class Card {
  constructor(person, say) {
    this.root = document.getElementById("face").content.firstElementChild.cloneNode(true);
    this.name = faceName(person.track);
    this.say = say;
    this.bars = new Map();
    this.emotion = undefined;
    this.who = this.root.querySelector(".who");
    this.looks = this.root.querySelector(".looks");
    this.list = this.root.querySelector(".bars");
    this.list.setAttribute("aria-label", `Scores of ${this.name}`);
  }

  correctable(frame) {
    const seen = () => ({ track: this.person.track, emotion: this.emotion, frame: frame() });
    new Correction(this.root, seen, this.say);
  }

  show(person) {
    this.person = person;
    this.root.classList.toggle("missed", !person.visible);
    const seen = person.visible ? `in view for ${duration(person.in_view_s)}` : "out of sight";
    const who = `${this.name}, ${seen}`;
    if (this.who.textContent !== who) this.who.textContent = who;
    if (person.emotion !== this.emotion) {
      this.emotion = person.emotion;
      this.root.dataset.emotion = person.emotion ?? "";
      this.looks.textContent = person.emotion ? `Expression ${looks(person.emotion)}` : "Looking …";
      if (person.emotion) this.say(`${this.name}: expression ${looks(person.emotion)}`);
    }
    for (const [label, score] of Object.entries(person.scores)) this.bar(label).show(score, label === person.emotion);
  }

  bar(label) {
    let bar = this.bars.get(label);
    if (!bar) {
      bar = new Bar(label);
      this.bars.set(label, bar);
      this.list.append(bar.root);
    }
    return bar;
  }
}

class Bar {
  constructor(label) {
    this.root = document.getElementById("bar").content.firstElementChild.cloneNode(true);
    this.root.dataset.emotion = label;
    this.root.querySelector(".label").textContent = label;
    this.value = this.root.querySelector(".value");
    this.fill = this.root.querySelector(".fill");
  }

  show(score, decided) {
    const text = percent(score);
    if (this.value.textContent !== text) this.value.textContent = text;
    this.fill.style.setProperty("--score", score);
    this.root.classList.toggle("decided", decided);
  }
}
