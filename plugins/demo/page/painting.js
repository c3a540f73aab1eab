// The large drawings: the gallery's renderer does them by WebGL 2, and `draw` where it is missing or slow.
"use strict";
const LARGE = 168; // pixels of a tile's drawing
const QUICK = 50; // milliseconds; WebGL in software needs more
const renderer = new neatfool.Renderer();
const wanted = new Map(); // canvas -> its genome, size and shape; the longest wanted first
let painting = false;
let quick = false; // whether the renderer is
renderer.addEventListener("lost", () => (quick = painting = false)); // what it was about to draw may never come

// Draws a genome on a canvas, soon. One that is wanted anew keeps its turn.
async function paint(canvas, genome, size, shape = DIGIT) {
  wanted.set(canvas, { genome: copyOf(genome), size, shape });
  if (painting) return;
  painting = true;
  await null; // all that is wanted at once is known then
  for (const [each, what] of wanted) {
    wanted.delete(each);
    await paintNow(each, what);
  }
  painting = false;
}

async function paintNow(canvas, { genome, size, shape }) {
  const sharpness = Math.min(Math.ceil(devicePixelRatio), 2); // pixels of a canvas in one of the page
  const drawn = renderer.works && quick && (await render(genome, size * sharpness, shape).catch(() => null));
  if (drawn) return neatfool.put(drawn, canvas);
  put(canvas, draw(genome, size, shape), ...extent(shape, size), shape.channels);
  await new Promise(requestAnimationFrame); // one a frame, so that the page stays quick
}

function render(genome, size, shape) {
  const [width, height] = extent(shape, size);
  return renderer.draw(pictureOf(genome, shape), { left: 0, top: 0, step: native(shape) / size, width, height }).image;
}

// Draws a genome twice, once to get the program ready, and sees how long the renderer takes.
async function tryRenderer(genome) {
  await render(genome, LARGE, DIGIT);
  const began = performance.now();
  await render(genome, LARGE, DIGIT);
  quick = performance.now() - began < QUICK;
}

// A genome as the renderer takes it. One program draws all that evolve here.
function pictureOf(genome, shape) {
  const nodes = order(genome, outputsOf(shape));
  const used = [...new Set([...functions.paper, ...nodes.map(({ activation }) => activation)])];
  const places = new Map([...INPUTS, ...nodes.map(({ id }) => id)].map((id, place) => [id, place]));
  const network = new neatfool.Network(
    {
      n: nodes.map(({ activation, sources }) => [used.indexOf(activation), ...sources.map((id) => places.get(id))]),
      w: Float32Array.from(nodes.flatMap(({ bias, weights }) => [bias, 1, ...weights])),
      o: Array.from({ length: outputsOf(shape) }, (_, id) => places.get(id) - INPUTS.length),
    },
    used,
  );
  const spec = { ...shape, inputs: "normalised", colour: shape.channels === 1 ? "grey" : "hsv", band_limit: 0, functions: used };
  return { network, code: network.code(used), spec };
}
