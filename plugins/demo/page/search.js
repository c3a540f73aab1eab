// MAP-Elites: each class is a niche, which holds the image that the network is surest of. A child of any
// niche may take every niche in which the network is surer of it.
"use strict";
const FIRST_IMAGES = 200;
// A digit is a thin light line on a dark ground. So that nothing here resembles one, a grey image counts only
// if its mean brightness lies between these, and if so many of its pixels are lighter than its middle grey.
const [DARKEST, LIGHTEST] = [0.3, 0.8];
const OPEN_WEIGHT = 8; // how much more often an image is a parent while the network is not sure of it

class Search {
  // network: its `shape`, its number of `classes`, and the log-odds that are `certain` enough for it.
  constructor({ shape, classes, certain }, seed) {
    Object.assign(this, { shape, certain, images: 0, random: randomNumbers(seed), elites: new Array(classes).fill(null) });
  }

  // Makes one image: { genome, pixels, parent, image }.
  ask() {
    const parent = this.images < FIRST_IMAGES ? -1 : this.chooseParent();
    const outputs = outputsOf(this.shape);
    const genome = parent < 0 ? randomGenome(this.random, outputs) : mutate(this.elites[parent].genome, this.random, outputs);
    const pixels = draw(genome, native(this.shape), this.shape);
    return { genome, pixels, parent, image: ++this.images };
  }

  // Whether an image counts.
  accepts({ pixels }) {
    if (this.shape.channels > 1) return true;
    const light = pixels.reduce((sum, pixel) => sum + pixel, 0) / (255 * pixels.length);
    const middle = (Math.min(...pixels) + Math.max(...pixels)) / 2;
    const lighter = pixels.filter((pixel) => pixel > middle).length / pixels.length;
    return light >= DARKEST && light <= LIGHTEST && lighter >= DARKEST;
  }

  // Gives the classes whose niches an image takes.
  tell(candidate, odds) {
    const taken = [...odds.keys()].filter((each) => odds[each] > (this.elites[each]?.odds ?? -Infinity));
    for (const each of taken) this.elites[each] = { ...candidate, odds: odds[each] };
    return taken;
  }

  // A class; none yet: -1.
  chooseParent() {
    const weights = this.elites.map((elite) => (!elite ? 0 : elite.odds < this.certain ? OPEN_WEIGHT : 1));
    let left = this.random() * weights.reduce((a, b) => a + b);
    return weights.findIndex((weight) => (left -= weight) < 0);
  }

  // How many classes the network is this sure of.
  count(least) {
    return this.elites.filter((elite) => elite && elite.odds >= least).length;
  }
}
