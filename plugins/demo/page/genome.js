// CPPNs: networks whose nodes are simple functions of the place in an image. A genome is neatfool's:
// {format, version, nodes: [[id, activation, aggregation, bias, response, time_constant], ...],
//  connections: [[from, to, weight, enabled], ...]}. The inputs x, y, d and 1 are -1 to -4. Node 0 is the
// output, the brightness; in colour 0, 1 and 2 are hue, saturation and value. `functions` is what neatfool
// writes of its formulas.
"use strict";
const INPUTS = [-1, -2, -3, -4];
const INPUT_NAMES = ["x", "y", "d", "1"];
const LARGEST_WEIGHT = 10;
const FIRST_HIDDEN = 100; // the nodes 0, 1, ... are the outputs
// The probabilities of the paper's mutations, as in neatfool's preset "paper".
const RATES = { weight: 0.1, activation: 0.1, addConnection: 0.5, deleteConnection: 0.3, addNode: 0.5, deleteNode: 0.2 };
const ETA = 15;

// Random numbers that a seed repeats (mulberry32).
function randomNumbers(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const choose = (list, random) => list[Math.floor(random() * list.length)];
const newWeight = (random) => (2 * random() - 1) * LARGEST_WEIGHT;
const newActivation = (random) => choose(functions.paper, random);
const newNode = (id, random) => [id, newActivation(random), "sum", 0, 1, 1];

// A network without hidden nodes, with random weights.
function randomGenome(random, outputs = 1) {
  const ids = Array.from({ length: outputs }, (_, id) => id);
  return {
    format: "neatfool.cppn",
    version: 1,
    nodes: ids.map((id) => newNode(id, random)),
    connections: ids.flatMap((id) => INPUTS.map((input) => [input, id, newWeight(random), true])),
  };
}

const copyOf = (genome) => ({ ...genome, nodes: genome.nodes.map((node) => [...node]), connections: genome.connections.map((each) => [...each]) });

// A child by the paper's six steps.
function mutate(parent, random, outputs = 1) {
  const child = copyOf(parent);
  for (const connection of child.connections) if (random() < RATES.weight) connection[2] = nearWeight(connection[2], random);
  for (const node of child.nodes) if (random() < RATES.activation) node[1] = newActivation(random);
  if (random() < RATES.addConnection) addConnection(child, random, outputs);
  if (random() < RATES.deleteConnection) deleteConnection(child, random);
  if (random() < RATES.addNode) addNode(child, random);
  if (random() < RATES.deleteNode) deleteNode(child, random, outputs);
  return child;
}

// Polynomial mutation (Deb and Goyal, 1996): mostly small changes, within the range.
function nearWeight(weight, random) {
  const range = 2 * LARGEST_WEIGHT;
  const u = random();
  const room = u < 0.5 ? (weight + LARGEST_WEIGHT) / range : (LARGEST_WEIGHT - weight) / range;
  const part = (u < 0.5 ? 2 * u : 2 * (1 - u)) + (1 - (u < 0.5 ? 2 * u : 2 * (1 - u))) * (1 - room) ** (ETA + 1);
  const change = 1 - part ** (1 / (ETA + 1));
  return weight + (u < 0.5 ? -change : change) * range;
}

function addConnection(genome, random, outputs) {
  const ids = genome.nodes.map(([id]) => id);
  for (let tries = 0; tries < 20; tries++) {
    const from = choose([...INPUTS, ...ids], random);
    const to = choose(ids, random);
    const there = genome.connections.some(([a, b]) => a === from && b === to);
    if (there || (from >= 0 && from < outputs) || leadsTo(genome, to, from)) continue;
    genome.connections.push([from, to, newWeight(random), true]);
    return;
  }
}

// Whether there is a way from a node to another, or it is the same. Each node is looked at once: of ways
// there may be more than can be counted, in a stranger's genome.
function leadsTo(genome, from, to) {
  const seen = new Set([from]);
  for (const node of seen) for (const [a, b] of genome.connections) if (a === node) seen.add(b);
  return seen.has(to);
}

function deleteConnection(genome, random) {
  if (genome.connections.length > 1) genome.connections.splice(Math.floor(random() * genome.connections.length), 1);
}

// Splits a connection by a node.
function addNode(genome, random) {
  if (!genome.connections.length) return;
  const split = choose(genome.connections, random);
  const id = 1 + Math.max(FIRST_HIDDEN - 1, ...genome.nodes.map(([each]) => each));
  split[3] = false;
  genome.nodes.push(newNode(id, random));
  genome.connections.push([split[0], id, 1, true], [id, split[1], split[2], true]);
}

function deleteNode(genome, random, outputs) {
  const hidden = genome.nodes.filter(([id]) => id >= outputs);
  if (!hidden.length) return;
  const [gone] = choose(hidden, random);
  genome.nodes = genome.nodes.filter(([id]) => id !== gone);
  genome.connections = genome.connections.filter(([a, b]) => a !== gone && b !== gone);
}

// The nodes that the outputs need, each after those that it needs itself:
// [{id, activation, bias, sources, weights}, ...].
function order(genome, outputs = 1) {
  const nodes = new Map(genome.nodes.map((node) => [node[0], node]));
  const coming = new Map(genome.nodes.map(([id]) => [id, []]));
  for (const connection of genome.connections) if (connection[3]) coming.get(connection[1]).push(connection);
  const found = new Map();
  const visit = (id) => {
    if (id < 0 || found.has(id)) return;
    coming.get(id).forEach(([from]) => visit(from));
    const [, activation, , bias, response] = nodes.get(id);
    const sources = coming.get(id).map(([from]) => from);
    found.set(id, { id, activation, bias, sources, weights: coming.get(id).map((each) => each[2] * response) });
  };
  for (let id = 0; id < outputs; id++) visit(id);
  return [...found.values()];
}

// The inputs at the pixels of an image: native places, whatever its size, so that the picture is the same.
const inputsOf = (() => {
  const known = new Map();
  const place = (native, size) => Array.from({ length: size }, (_, i) => (2 * (((i + 0.5) * native) / size - 0.5)) / Math.max(native - 1, 1) - 1);
  return (shape, width, height) => {
    const key = [shape.width, shape.height, width, height].join();
    if (!known.has(key)) {
      const [across, down] = [place(shape.width, width), place(shape.height, height)];
      const at = (of) => Float32Array.from({ length: width * height }, (_, i) => of(across[i % width], down[Math.floor(i / width)]));
      known.set(key, [at((x) => x), at((_, y) => y), at((x, y) => Math.hypot(x, y)), at(() => 1)]);
    }
    return known.get(key);
  };
})();

const DIGIT = { width: SIDE, height: SIDE, channels: 1 };
const outputsOf = ({ channels }) => channels; // grey, or hue, saturation and value

const native = ({ width, height }) => Math.max(width, height);

// How large a picture of this shape is, if its longer side has so many pixels.
function extent({ width, height }, size) {
  const scale = size / native({ width, height });
  return [Math.max(Math.round(width * scale), 1), Math.max(Math.round(height * scale), 1)];
}

// Draws a genome: Uint8Array of height x width x channels numbers, with `size` pixels on the longer side.
function draw(genome, size, shape = DIGIT) {
  const [width, height] = extent(shape, size);
  const inputs = inputsOf(shape, width, height);
  const values = new Map(INPUTS.map((id, i) => [id, inputs[i]]));
  for (const { id, activation, bias, sources, weights } of order(genome, outputsOf(shape))) {
    const own = new Float32Array(width * height).fill(bias);
    sources.forEach((source, k) => {
      const from = values.get(source);
      const weight = weights[k];
      for (let i = 0; i < own.length; i++) own[i] += weight * from[i];
    });
    const compute = functions.activations[activation];
    for (let i = 0; i < own.length; i++) own[i] = compute(own[i]);
    values.set(id, own);
  }
  if (shape.channels === 1) return Uint8Array.from(values.get(0), (value) => Math.round(255 * functions.grey(value)));
  const [hue, saturation, value] = [0, 1, 2].map((id) => values.get(id));
  const pixels = new Uint8Array(3 * hue.length);
  for (let i = 0; i < hue.length; i++) functions.hsv(hue[i], saturation[i], value[i]).forEach((part, channel) => (pixels[3 * i + channel] = Math.round(255 * part)));
  return pixels;
}
