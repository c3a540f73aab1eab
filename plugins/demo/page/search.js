// MAP-Elites: each digit is a niche, which holds the image that the network is surest of. A child of any
// niche may take every niche in which the network is surer of it.
"use strict";
const FIRST_IMAGES = 200;
// A digit is a thin light line on black. So that nothing here resembles one, an image counts only if its
// mean brightness lies between these.
const [DARKEST, LIGHTEST] = [0.3, 0.8];
const OPEN_WEIGHT = 8; // how much more often an image is a parent while the network is not sure of it

class Search {
  constructor(network, seed) {
    this.network = network;
    this.random = randomNumbers(seed);
    this.images = 0;
    this.elites = new Array(DIGITS).fill(null);
    // switches[a][b]: how often a child of the elite of a took the niche of b.
    this.switches = Array.from({ length: DIGITS }, () => new Array(DIGITS).fill(0));
  }

  // Makes one image; gives the digits whose niches it takes.
  step() {
    const parent = this.images < FIRST_IMAGES ? null : this.chooseParent();
    const genome = parent === null ? randomGenome(this.random) : mutate(this.elites[parent].genome, this.random);
    const pixels = draw(genome, SIDE);
    this.images += 1;
    const light = pixels.reduce((sum, pixel) => sum + pixel, 0) / (255 * pixels.length);
    if (light < DARKEST || light > LIGHTEST) return [];
    const odds = logOdds(this.network.logits(pixels));
    const taken = odds.map((_, digit) => digit).filter((digit) => !this.elites[digit] || odds[digit] > this.elites[digit].odds[digit]);
    for (const digit of taken) {
      this.elites[digit] = { genome, pixels, odds, image: this.images };
      if (parent !== null) this.switches[parent][digit] += 1;
    }
    return taken;
  }

  chooseParent() {
    const weights = this.elites.map((elite, digit) => (!elite ? 0 : elite.odds[digit] < CERTAIN ? OPEN_WEIGHT : 1));
    let left = this.random() * weights.reduce((a, b) => a + b);
    return weights.findIndex((weight) => (left -= weight) < 0);
  }

  // How many digits the network is this sure of.
  count(least) {
    return this.elites.filter((elite, digit) => elite && elite.odds[digit] >= least).length;
  }
}
