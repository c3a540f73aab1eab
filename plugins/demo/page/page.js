// The search as it is seen: ten tiles, a counter and a curve. The search itself is in worker.js.
"use strict";
const byId = (id) => document.getElementById(id);
const decode = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const material = { weights: decode(byId("network-weights").textContent.trim()), wasm: decode(byId("network-code").textContent.trim()) };
const local = new LeNet(material); // for what is tried by hand
const workerCode = URL.createObjectURL(new Blob([byId("worker-code").textContent], { type: "text/javascript" }));
const startWorker = () => new Worker(workerCode);
const worker = startWorker();

const state = { elites: new Array(DIGITS).fill(null), lines: [], images: 0, switches: [], seed: 0 };

function make(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

// Puts pixels on a canvas, whose size becomes theirs.
function put(canvas, pixels, width = Math.sqrt(pixels.length), height = width, channels = 1) {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++) image.data[4 * i + channel] = pixels[channels === 1 ? i : 3 * i + channel];
    image.data[4 * i + 3] = 255;
  }
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext("2d", { alpha: false }).putImageData(image, 0, 0);
}

// The ten confidences as bars; gives the digit that the network is surest of.
function drawBars(place, logits) {
  const odds = logOdds(logits);
  const best = odds.indexOf(Math.max(...odds));
  const list = make("dl", "bars");
  odds.forEach((each, digit) => {
    const bar = make("span");
    bar.style.width = `${100 * probability(each)}%`;
    const mark = digit === best ? "best" : "";
    list.append(make("dt", mark, String(digit)), make("dd", "share", bar), make("dd", `number ${mark}`, percent(each)));
  });
  place.replaceChildren(list);
  return best;
}

// ------------------------------------------------------------------ tiles
const tiles = Array.from({ length: DIGITS }, (_, digit) => {
  const large = make("canvas", "large");
  const small = make("canvas", "small");
  small.hidden = true;
  const sure = make("span", "sure", "–");
  const button = make("button", "tile", make("span", "picture", large, small), make("span", "words", make("span", "digit", String(digit)), " ", sure));
  button.type = "button";
  button.addEventListener("click", () => state.elites[digit] && openPlay(digit, state.elites[digit].genome));
  return { large, small, sure, button };
});
byId("tiles").append(...tiles.map(({ button }) => button));

function showElite(digit, elite) {
  state.elites[digit] = elite;
  const { small, sure, button } = tiles[digit];
  const odds = elite.odds - MARGIN;
  put(small, elite.pixels);
  small.hidden = false;
  sure.textContent = percent(odds);
  button.classList.toggle("is-sure", elite.odds >= SURE);
  paint(tiles[digit].large, elite.genome, LARGE);
}

// ------------------------------------------------------------------ the curve
const LEVELS = [[0.01, "1 %"], [0.5, "50 %"], [0.99, "99 %"], [0.9999, "99.99 %"]];
const ROOM = 11; // pixels of a line of text
function drawCurve() {
  const svg = byId("curve");
  const { width, height } = svg.getBoundingClientRect();
  if (!width) return;
  const [low, high] = [-8, 14];
  const right = width - 20;
  const atX = (images) => 62 + ((right - 62) * Math.log(Math.max(images, 1))) / Math.log(Math.max(state.images, 2));
  const atY = (odds) => 8 + ((height - 30) * (high - Math.min(Math.max(odds, low), high))) / (high - low);
  svg.replaceChildren();
  for (const [level, name] of LEVELS) {
    const y = atY(oddsOf(level));
    svg.append(svgNode("line", { class: "grid", x1: 62, x2: right, y1: y, y2: y }), svgNode("text", { x: 56, y: y + 4, "text-anchor": "end" }, name));
  }
  for (let images = 1; images <= state.images; images *= 10) {
    svg.append(svgNode("text", { x: atX(images), y: height - 6, "text-anchor": "middle" }, images.toLocaleString("en")));
  }
  const ends = [];
  state.lines.forEach((line, digit) => {
    if (!line?.length) return;
    const points = line.flatMap(([images, odds], i) => [...(i ? [[images, line[i - 1][1]]] : []), [images, odds]]);
    points.push([state.images, line.at(-1)[1]]);
    svg.append(svgNode("polyline", { class: "line", points: points.map(([x, y]) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`).join(" ") }));
    ends.push([digit, atY(line.at(-1)[1]) + 4]);
  });
  // A digit stands at the end of its line, or as near as the others let it.
  ends.sort((a, b) => a[1] - b[1]);
  ends.forEach((end, i) => (end[1] = Math.max(end[1], i ? ends[i - 1][1] + ROOM : 0)));
  ends.reverse().forEach((end, i) => (end[1] = Math.min(end[1], i ? ends[i - 1][1] - ROOM : height - 22)));
  for (const [digit, y] of ends) svg.append(svgNode("text", { x: right + 6, y }, String(digit)));
}

// ------------------------------------------------------------------ the search
let announced = -1;
function showCount() {
  const sure = state.elites.filter((elite, digit) => elite && elite.odds >= SURE).length;
  if (sure !== announced) {
    byId("count").textContent = `${sure} of ${DIGITS} digits above 99\u00a0%`;
    const part = sure === DIGITS ? "all of these images" : `${sure} of these ${DIGITS} images`;
    byId("claim").textContent = sure ? `more than 99\u00a0% sure that it sees one in ${part}` : "not sure yet that it sees one";
  }
  announced = sure;
  byId("images").textContent = `${state.images.toLocaleString("en")} images tried`;
  const { dataset } = document.documentElement;
  dataset.fooled = String(sure);
  dataset.images = String(state.images);
}

worker.onmessage = ({ data }) => {
  if (data.ready) {
    document.documentElement.dataset.compiled = String(data.compiled);
    byId("engine").textContent = data.compiled ? "The network runs in WebAssembly." : "The network runs in JavaScript.";
    return;
  }
  state.images = data.images;
  state.switches = data.switches;
  for (const [digit, elite] of data.elites) {
    showElite(digit, elite);
    (state.lines[digit] ??= []).push([elite.image, elite.odds - MARGIN]);
  }
  showCount();
  drawCurve();
  drawSwitches();
  if (data.done) setPaused(true, "Continue", true);
};

let begun = false;
let paused = false;
function setPaused(now, word = now ? "Continue" : "Pause", done = false) {
  paused = now;
  byId("pause").textContent = word;
  byId("pause").hidden = done;
  if (done) document.documentElement.dataset.done = "1";
}

function begin(seed) {
  Object.assign(state, { elites: new Array(DIGITS).fill(null), lines: [], images: 0, seed });
  delete document.documentElement.dataset.done;
  begun = true;
  for (const { sure, button } of tiles) {
    sure.textContent = "–";
    button.classList.remove("is-sure");
  }
  setPaused(false);
  worker.postMessage({ seed, paused: false });
}

function hold(now) {
  if (!byId("pause").hidden) worker.postMessage({ paused: now });
}

byId("pause").addEventListener("click", () => {
  if (!begun) return begin(state.seed);
  setPaused(!paused);
  hold(paused);
});
byId("faster").addEventListener("click", ({ currentTarget }) => {
  const fast = currentTarget.getAttribute("aria-pressed") !== "true";
  currentTarget.setAttribute("aria-pressed", String(fast));
  worker.postMessage({ fast });
});
byId("again").addEventListener("click", () => begin(Math.floor(Math.random() * 1e9)));
document.addEventListener("visibilitychange", () => hold(document.hidden || paused));
addEventListener("resize", drawCurve);

function start() {
  worker.postMessage({ network: material });
  const given = new URLSearchParams(location.hash.slice(1));
  // Other pages embed the section that explains.
  document.documentElement.classList.toggle("only-explain", given.has("explain"));
  state.seed = Number(given.get("seed")) || Math.floor(Math.random() * 1e9);
  showCount();
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) byId("pause").textContent = "Begin";
  else begin(state.seed);
  if (given.has("genome")) openLink(given);
}
