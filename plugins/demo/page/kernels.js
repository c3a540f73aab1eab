// The layers of the network in JavaScript, for browsers without WebAssembly's SIMD. kernels.wat does
// the same, and says what the arguments are: places in bytes, and numbers of things.
"use strict";
function plainKernels() {
  const memory = { buffer: new ArrayBuffer(32 * 65536) };
  const all = new Float32Array(memory.buffer);
  const sums = new Float32Array(24 * 24);

  function convolve(input, weights, biases, out, channels, width, outputs) {
    const side = width - 4;
    let w = weights >> 2;
    for (let o = 0; o < outputs; o++) {
      sums.fill(all[(biases >> 2) + o]);
      for (let c = 0; c < channels; c++) {
        for (let dy = 0; dy < 5; dy++) {
          for (let dx = 0; dx < 5; dx++) {
            const weight = all[w++];
            for (let y = 0; y < side; y++) {
              let from = (input >> 2) + (c * width + y + dy) * width + dx;
              for (let to = y * side; to < (y + 1) * side; to++) sums[to] += weight * all[from++];
            }
          }
        }
      }
      all.set(sums.subarray(0, side * side), (out >> 2) + o * side * side);
    }
  }

  function pool(input, out, rows, width) {
    let to = out >> 2;
    for (let y = 0; y < rows; y += 2) {
      for (let x = 0; x < width; x += 2) {
        const at = (input >> 2) + y * width + x;
        all[to++] = Math.max(all[at], all[at + 1], all[at + width], all[at + width + 1]);
      }
    }
  }

  function dense(input, weights, biases, out, inputs, outputs, relu) {
    let w = weights >> 2;
    for (let o = 0; o < outputs; o++) {
      let sum = all[(biases >> 2) + o];
      for (let i = input >> 2; i < (input >> 2) + inputs; i++) sum += all[i] * all[w++];
      all[(out >> 2) + o] = relu ? Math.max(sum, 0) : sum;
    }
  }

  return { memory, convolve, pool, dense };
}
