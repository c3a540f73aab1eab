// Searches beside the page, at a speed that an eye can follow or as fast as it can.
"use strict";
const MOST_IMAGES = 30000;
const TURN = 40; // milliseconds of work before the page's messages are looked at
// Images after so many seconds at the eye's speed: slow at first, when each image changes something.
const paced = (seconds) => 60 * (Math.exp(0.44 * seconds) - 1);

let network = null;
let search = null;
let fast = false;
let paused = false;
let seconds = 0; // for which it was searched
let last = 0; // when that was counted
let changed = new Set();
// switches[a][b]: how often a child of the elite of a took the niche of b.
let switches = [];

function step() {
  const child = search.ask();
  if (!search.accepts(child)) return;
  for (const digit of search.tell(child, logOdds(network.logits(child.pixels)))) {
    changed.add(digit);
    if (child.parent >= 0) switches[child.parent][digit] += 1;
  }
}

function work() {
  if (paused || !search) return;
  const begin = performance.now();
  seconds += Math.min(begin - last, 250) / 1000; // a page that was hidden does not catch up
  last = begin;
  const due = fast ? MOST_IMAGES : Math.min(paced(seconds), MOST_IMAGES);
  while (search.images < due && search.count(CERTAIN) < DIGITS && performance.now() - begin < TURN) step();
  const done = search.images >= MOST_IMAGES || search.count(CERTAIN) === DIGITS;
  postMessage({
    images: search.images,
    elites: [...changed].map((digit) => [digit, search.elites[digit]]),
    switches,
    done,
  });
  changed = new Set();
  if (done) search = null;
  else setTimeout(work, fast ? 0 : 50);
}

onmessage = ({ data }) => {
  if (data.own) return obey(data.own);
  if (data.network) {
    network = new LeNet(data.network);
    postMessage({ ready: true, compiled: network.compiled });
  }
  const idle = !search || paused;
  if ("fast" in data) fast = data.fast;
  if ("paused" in data) paused = data.paused;
  if ("seed" in data) {
    search = new Search(network, data.seed);
    seconds = 0;
    changed = new Set();
    switches = Array.from({ length: DIGITS }, () => new Array(DIGITS).fill(0));
  }
  if (idle && search && !paused) work();
};
