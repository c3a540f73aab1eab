// The network that reads handwritten digits (Caffe's LeNet), and what it makes of an image.
"use strict";
const SIDE = 28;
const DIGITS = 10;
// The layers' weights, [rows, columns], in the order of the file.
const LAYERS = [[20, 25], [50, 500], [500, 800], [10, 500]];
// The weights have 8 bits here: their log-odds differ from neatfool's by up to 0.1. What is said of
// an image must hold there, too, so that much (and as much again) is taken off.
const MARGIN = 0.2;

class LeNet {
  // weights: the file's bytes; wasm: the kernels' bytes, or null for JavaScript.
  constructor({ weights, wasm }) {
    const kernels = wasm && compile(wasm);
    this.compiled = Boolean(kernels);
    this.kernels = kernels || plainKernels();
    this.memory = new Float32Array(this.kernels.memory.buffer);
    let end = 0;
    const place = (count) => (end += 4 * count) - 4 * count;
    const bytes = LAYERS.reduce((total, [rows, columns]) => total + rows * columns, 0);
    const quantised = new Int8Array(weights.buffer, weights.byteOffset, bytes);
    const numbers = new Float32Array(weights.slice(bytes).buffer);
    let byte = 0;
    let number = 0;
    this.layers = LAYERS.map(([rows, columns]) => {
      const at = place(rows * columns);
      for (let row = 0; row < rows; row++, number++) {
        for (let to = at / 4 + row * columns; to < at / 4 + (row + 1) * columns; to++) this.memory[to] = numbers[number] * quantised[byte++];
      }
      const biases = place(rows + (rows % 4 && 4 - (rows % 4)));
      this.memory.set(numbers.subarray(number, number + rows), biases / 4);
      number += rows;
      return { weights: at, biases };
    });
    const sizes = [SIDE * SIDE, 20 * 576, 20 * 144, 50 * 64, 800, 500, 12];
    this.places = sizes.map(place);
    Object.assign(this, { shape: { width: SIDE, height: SIDE, channels: 1 }, classes: DIGITS, certain: CERTAIN });
  }

  // The ten logits of an image: Uint8Array of 28 x 28 pixels, 0 black and 255 white.
  logits(pixels) {
    const { convolve, pool, dense } = this.kernels;
    const [image, wide, half, small, flat, hidden, out] = this.places;
    const [first, second, third, last] = this.layers;
    for (let i = 0; i < SIDE * SIDE; i++) this.memory[image / 4 + i] = (pixels[i] - 255 * 0.1307) / (255 * 0.3081);
    convolve(image, first.weights, first.biases, wide, 1, 28, 20);
    pool(wide, half, 20 * 24, 24);
    convolve(half, second.weights, second.biases, small, 20, 12, 50);
    pool(small, flat, 50 * 8, 8);
    dense(flat, third.weights, third.biases, hidden, 800, 500, 1);
    dense(hidden, last.weights, last.biases, out, 500, 10, 0);
    return this.memory.slice(out / 4, out / 4 + DIGITS);
  }
}

function compile(bytes) {
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  } catch {
    return null; // it has no SIMD, or a policy forbids it
  }
}

// The log-odds of each class against all others. They have no ties near certainty, as a softmax has.
function logOdds(logits) {
  const best = logits.reduce((first, logit, each) => (logit > logits[first] ? each : first), 0);
  const most = logits[best];
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  const second = logits.reduce((largest, logit, each) => (each === best ? largest : Math.max(largest, logit)), -Infinity);
  const rest = logits.reduce((total, logit, each) => (each === best ? total : total + Math.exp(logit - second)), 0);
  return Array.from(logits, (logit, each) => logit - (each === best ? second + Math.log(rest) : most + Math.log(sum - Math.exp(logit - most))));
}

const probability = (odds) => 1 / (1 + Math.exp(-odds));
const oddsOf = (confidence) => Math.log(confidence / (1 - confidence));
const SURE = oddsOf(0.99) + MARGIN;
const CERTAIN = oddsOf(0.9999) + MARGIN;

// A confidence in words: cut, not rounded, so that "99 %" is never less.
function percent(odds) {
  const value = probability(odds);
  if (value >= 0.9999) return ">\u202f99.99\u202f%";
  const places = value >= 0.99 ? 100 : value < 0.01 ? 100 : 1;
  return `${(Math.floor(100 * value * places) / places).toFixed(places === 100 ? 2 : 0)}\u202f%`;
}
