// Searches beside the page, at a speed that an eye can follow or as fast as it can.
"use strict";
const MOST_IMAGES = 30000;
const TURN = 40; // milliseconds of work before the page's messages are looked at
// Images after so many seconds at the eye's speed: slow at first, when each image changes something.
const paced = (seconds) => 60 * (Math.exp(0.42 * seconds) - 1);

let network = null;
let search = null;
let fast = false;
let paused = false;
let seconds = 0; // for which it was searched
let last = 0; // when that was counted
let changed = new Set();

function work() {
  if (paused || !search) return;
  const begin = performance.now();
  seconds += Math.min(begin - last, 250) / 1000; // a page that was hidden does not catch up
  last = begin;
  const due = fast ? MOST_IMAGES : Math.min(paced(seconds), MOST_IMAGES);
  while (search.images < due && search.count(CERTAIN) < DIGITS && performance.now() - begin < TURN) {
    for (const digit of search.step()) changed.add(digit);
  }
  const done = search.images >= MOST_IMAGES || search.count(CERTAIN) === DIGITS;
  postMessage({
    images: search.images,
    elites: [...changed].map((digit) => [digit, search.elites[digit]]),
    switches: search.switches,
    done,
  });
  changed = new Set();
  if (done) search = null;
  else setTimeout(work, fast ? 0 : 50);
}

onmessage = ({ data }) => {
  if (data.network) {
    network = new LeNet(data.network);
    postMessage({ ready: true, compiled: network.compiled });
  }
  if (data.score) postMessage({ scored: data.score.map((pixels) => [...network.logits(pixels)]) });
  const idle = !search || paused;
  if ("fast" in data) fast = data.fast;
  if ("paused" in data) paused = data.paused;
  if ("seed" in data) {
    search = new Search(network, data.seed);
    seconds = 0;
    changed = new Set();
  }
  if (idle && search && !paused) work();
};
