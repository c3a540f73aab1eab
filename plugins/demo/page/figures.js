// The three figures of "What happens here", and the field to draw in.
"use strict";

// ------------------------------------------------------------------ a formula with one knob
const example = {
  format: "neatfool.cppn",
  version: 1,
  nodes: [[0, "paper_sine", "sum", 0, 1, 1], [1, "paper_gaussian", "sum", 0, 1, 1], [2, "paper_sine", "sum", 0, 1, 1]],
  connections: [[-1, 2, 4, true], [-2, 2, 3, true], [-3, 1, 1.4, true], [1, 0, 3.5, true], [2, 0, 1.2, true], [-2, 0, 1, true]],
};
function turnKnob() {
  example.connections[0][2] = Number(byId("knob").value);
  byId("knob-value").textContent = Number(byId("knob").value).toFixed(2);
  paint(byId("knob-picture"), example, 112);
}
byId("knob").value = 4;
byId("knob").addEventListener("input", turnKnob);

// ------------------------------------------------------------------ who took whose niche
function drawSwitches() {
  const svg = byId("switches");
  svg.setAttribute("viewBox", "0 0 220 220");
  const most = Math.max(1, ...state.switches.flat());
  svg.replaceChildren(svgNode("rect", { class: "ground", x: 20, y: 20, width: 200, height: 200 }));
  let [others, all] = [0, 0];
  state.switches.forEach((row, from) => {
    svg.append(svgNode("text", { x: 10, y: 34 + 20 * from, "text-anchor": "middle" }, String(from)));
    svg.append(svgNode("text", { x: 30 + 20 * from, y: 14, "text-anchor": "middle" }, String(from)));
    row.forEach((count, to) => {
      all += count;
      if (from !== to) others += count;
      if (count) svg.append(svgNode("rect", { class: "cell", x: 20 + 20 * to, y: 20 + 20 * from, width: 20, height: 20, opacity: 0.15 + (0.85 * count) / most }));
    });
  });
  byId("switched").textContent = `${others.toLocaleString("en")} of ${all.toLocaleString("en")}`;
  svg.setAttribute("aria-label", `${others} of ${all} replacements came from the image of another digit`);
}

// ------------------------------------------------------------------ noise
function showNoise(pixels) {
  put(byId("noise"), pixels);
  drawBars(byId("noise-bars"), local.logits(pixels));
}
const noise = () => Uint8Array.from({ length: SIDE * SIDE }, () => Math.floor(256 * Math.random()));
byId("more-noise").addEventListener("click", () => showNoise(noise()));
byId("blank").addEventListener("click", () => showNoise(new Uint8Array(SIDE * SIDE)));

// ------------------------------------------------------------------ the field to draw in
const pad = byId("pad");
let ink = new Float32Array(SIDE * SIDE);
let last = null;
function showPad() {
  const pixels = Uint8Array.from(ink, (value) => Math.round(255 * Math.min(value, 1)));
  put(pad, pixels);
  if (!ink.some((value) => value > 0)) {
    byId("pad-bars").replaceChildren();
    byId("drawn").textContent = "Draw in the field with the mouse, a finger or the arrow keys.";
    return;
  }
  const logits = local.logits(pixels);
  const best = drawBars(byId("pad-bars"), logits);
  const drawn = percent(logOdds(logits)[best]);
  const elite = state.elites[best];
  const evolved = elite ? ` Of the evolved image for ${best} it is ${percent(elite.odds - MARGIN)} sure.` : "";
  byId("drawn").textContent = `The network takes it for a ${best}, and is ${drawn} sure.${evolved}`;
}
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function point(event) {
  const box = pad.getBoundingClientRect();
  stroke(((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE);
}
function stroke(x, y) {
  const [fromX, fromY] = last ?? [x, y];
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(x - fromX, y - fromY)));
  for (let k = 1; k <= steps; k++) {
    const [atX, atY] = [fromX + ((x - fromX) * k) / steps, fromY + ((y - fromY) * k) / steps];
    ink = ink.map((value, i) => Math.max(value, Math.min(1, Math.max(0, 1.9 - Math.hypot((i % SIDE) + 0.5 - atX, Math.floor(i / SIDE) + 0.5 - atY)))));
  }
  last = [x, y];
  showPad();
}
pad.addEventListener("pointerdown", (event) => {
  pad.setPointerCapture(event.pointerId);
  last = null;
  point(event);
});
pad.addEventListener("pointermove", (event) => event.buttons && point(event));
pad.addEventListener("keydown", (event) => {
  const arrow = ARROWS[event.key];
  if (!arrow) return;
  event.preventDefault();
  stroke(...(last ?? [SIDE / 2, SIDE / 2]).map((place, axis) => Math.min(Math.max(place + arrow[axis], 0), SIDE)));
});
byId("clear").addEventListener("click", () => {
  ink.fill(0);
  last = null;
  showPad();
});

turnKnob();
if (renderer.works) tryRenderer(example).catch(() => {}); // then `draw` does it all
drawSwitches();
showNoise(noise());
showPad();
start();
