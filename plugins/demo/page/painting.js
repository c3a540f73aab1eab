// The large drawings: the gallery's renderer does them by WebGL 2, and `draw` where there is none.
"use strict";
const renderer = new neatfool.Renderer();
const SHARPNESS = renderer.works ? Math.min(Math.ceil(devicePixelRatio), 2) : 1; // a canvas's pixels in one of the page
const LARGE = 168 * SHARPNESS; // pixels of a tile's drawing
const wanted = new Map(); // canvas -> its genome, size and shape; the longest wanted first
let painting = false;

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
  const [width, height] = extent(shape, size);
  const view = { left: 0, top: 0, step: native(shape) / size, width, height };
  const drawn = renderer.works && (await renderer.draw(pictureOf(genome, shape), view).image.catch(() => null));
  if (drawn) return neatfool.put(drawn, canvas);
  put(canvas, draw(genome, size, shape), width, height, shape.channels);
  await new Promise(requestAnimationFrame); // one a frame, so that the page stays quick
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
