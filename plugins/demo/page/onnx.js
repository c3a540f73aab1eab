// A network of the visitor's own in an ONNX file, which onnxruntime-web runs beside the page.
"use strict";
const ROUNDING = 1e-3; // how far a sum of probabilities may be from one, as in neatfool
const PROBES = 32;
const MOST_PIXELS = 1024 * 1024;
const SHOWN = 12;
const IMAGENET = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];
// What is subtracted from numbers between 0 and 1, and what they are divided by then.
const SCALINGS = { unit: [[0, 0, 0], [1, 1, 1]], imagenet: IMAGENET, signed: [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]], bytes: [[0, 0, 0], [1 / 255, 1 / 255, 1 / 255]] };
const OWN_CERTAIN = oddsOf(0.9999);

class Refusal extends Error {}
const refuse = (sentence) => {
  throw new Refusal(sentence);
};

class OnnxNetwork {
  static async open({ engine, model, size }) {
    const runtime = await import(`${engine}ort.wasm.bundle.min.mjs`).catch(() => refuse("onnxruntime-web does not lie beside this page, in the folder ort."));
    Object.assign(runtime.env.wasm, { wasmPaths: { wasm: `${engine}ort-wasm-simd-threaded.wasm` }, numThreads: 1 });
    runtime.env.logLevel = "fatal";
    const session = await runtime.InferenceSession.create(model, { executionProviders: ["wasm"], logSeverityLevel: 4 }).catch((error) => refuse(`onnxruntime cannot read it as an ONNX file in one part: ${brief(error)}`));
    const network = new OnnxNetwork(runtime, session, size);
    await network.settle();
    return network;
  }

  // Reads its input, [N, channels, height, width] or [N, height, width, channels].
  constructor(runtime, session, size) {
    const [input, more] = session.inputMetadata;
    if (more || !input?.isTensor) refuse(`It takes ${session.inputNames.join(", ") || "nothing"}. Export a network that takes only images.`);
    if (!["float32", "uint8"].includes(input.type)) refuse(`It takes numbers of type ${input.type}. Export a network that takes images as float32 or uint8.`);
    const sizes = input.shape.map((each) => (typeof each === "number" && each > 0 ? each : 0));
    const drawn = (channels) => channels === 1 || channels === 3;
    const last = drawn(sizes[3]) && !drawn(sizes[1]);
    const [channels, height, width] = last ? [sizes[3], sizes[1], sizes[2]] : [sizes[1] || 3, sizes[2], sizes[3]];
    if (sizes.length !== 4 || !drawn(channels)) refuse(`It takes numbers of the shape [${input.shape.join(", ")}]. Images are [images, channels, height, width] or [images, height, width, channels], with 1 or 3 channels.`);
    const usual = size || (channels === 1 ? SIDE : 224);
    this.shape = { width: width || usual, height: height || usual, channels };
    const pixels = this.shape.width * this.shape.height;
    if (pixels > MOST_PIXELS) refuse(`It takes images of ${this.shape.width} × ${this.shape.height} pixels, more than a browser draws in time.`);
    Object.assign(this, { runtime, session, input, last, varies: !width || !height, fixed: sizes[0], certain: OWN_CERTAIN });
    this.batch = sizes[0] || Math.min(Math.max(Math.floor(65536 / pixels), 1), 16);
    this.scaling = input.type === "uint8" ? "bytes" : channels === 3 && this.shape.width >= 128 ? "imagenet" : "unit";
  }

  // Finds out which output has a number for each class, and whether it takes several images at once.
  async settle() {
    const images = probes(this.shape).slice(0, this.batch);
    const outputs = await this.run(images).catch(() => {
      if (!this.fixed) this.batch = 1;
      return this.run(images.slice(0, this.batch));
    }).catch((error) => refuse(`It fails on such images: ${brief(error)}`));
    const many = this.batch;
    const suits = ({ dims, type }) => ["float32", "float64"].includes(type) && dims[0] === many && dims.length > 1 && dims.slice(1).filter((each) => each !== 1).length < 2;
    this.output = Object.keys(outputs).find((name) => suits(outputs[name]));
    if (!this.output) refuse(`It gives ${Object.values(outputs).map(({ dims, type }) => `[${dims.join(", ")}] of type ${type}`).join(" and ")}. An image classifier gives [images, classes] of type float32.`);
    this.numbers = outputs[this.output].data.length / many;
    this.classes = Math.max(this.numbers, 2);
  }

  run(images) {
    const { width, height, channels } = this.shape;
    const count = this.fixed || images.length;
    const area = width * height;
    const data = new (this.input.type === "uint8" ? Uint8Array : Float32Array)(count * channels * area);
    const [mean, deviation] = SCALINGS[this.scaling];
    const whole = this.input.type === "uint8";
    for (let n = 0; n < count; n++) {
      const pixels = images[Math.min(n, images.length - 1)]; // a fixed batch is filled up
      for (let i = 0; i < pixels.length; i++) {
        const channel = i % channels;
        const to = n * pixels.length + (this.last ? i : channel * area + (i - channel) / channels);
        data[to] = whole ? pixels[i] : (pixels[i] / 255 - mean[channel]) / deviation[channel];
      }
    }
    const dims = this.last ? [count, height, width, channels] : [count, channels, height, width];
    return this.session.run({ [this.input.name]: new this.runtime.Tensor(this.input.type, data, dims) });
  }

  // The numbers of each image, up to a batch of them.
  async rows(images) {
    const { data } = (await this.run(images))[this.output];
    return images.map((_, n) => Array.from(data.subarray(n * this.numbers, (n + 1) * this.numbers)));
  }
}

const brief = (error) => String(error?.message ?? error).replace(/\s+/g, " ").slice(0, 240);

// Images of many kinds: from formulas, of noise, and of one brightness.
function probes(shape) {
  const random = randomNumbers(1);
  return Array.from({ length: PROBES }, (_, n) => {
    const pixels = draw(randomGenome(random, outputsOf(shape)), native(shape), shape);
    return n % 4 === 1 ? pixels.map(() => 256 * random()) : n % 8 === 2 ? pixels.fill(32 * n) : pixels;
  });
}

// What the numbers of such images mean, as neatfool finds it: { words, odds }, which turns the numbers of an
// image into the log-odds of each class.
function findFormat(rows) {
  const finite = rows.filter((row) => row.every(Number.isFinite));
  if (!finite.length) refuse("It gives no finite number for any image.");
  const all = finite.flat();
  const [least, most] = all.reduce(([low, high], each) => [Math.min(low, each), Math.max(high, each)], [Infinity, -Infinity]);
  const between = least >= 0 && most <= 1 + ROUNDING && least < most;
  const sumTo = (whole) => least >= 0 && finite.every((row) => Math.abs(row.reduce((a, b) => a + b) - whole) <= ROUNDING * whole);
  const log = (share) => Math.log(Math.max(share, 1e-38));
  const single = (share) => log(share) - Math.log1p(-Math.min(share, 1 - 1e-7));
  if (rows[0].length === 1) {
    const odds = between ? single : (logit) => logit;
    return { words: between ? "one probability, that of the second class" : "one logit, that of the second class", odds: ([number]) => [-odds(number), odds(number)] };
  }
  if (sumTo(100)) return { words: "percents", odds: (row) => logOdds(row.map((each) => log(each / 100))) };
  if (between && sumTo(1)) return { words: "probabilities", odds: (row) => logOdds(row.map(log)) };
  if (between) return { words: "a confidence for each class by itself", odds: (row) => row.map(single) };
  return { words: "logits", odds: logOdds };
}

let opened = null;
let turn = 0; // a new search, or a stop, ends the one before
let held = false;
const sleep = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));

async function searchOwn({ seed, scaling }) {
  const mine = ++turn;
  opened.scaling = scaling;
  const tried = probes(opened.shape);
  const rows = [];
  while (rows.length < tried.length) rows.push(...(await opened.rows(tried.slice(rows.length, rows.length + opened.batch))));
  const format = findFormat(rows);
  const search = new Search(opened, seed);
  let told = performance.now();
  let seconds = 0;
  const report = (done) => {
    seconds += (performance.now() - told) / 1000;
    const found = [...search.elites.keys()].filter((each) => search.elites[each]);
    const best = found.sort((a, b) => search.elites[b].odds - search.elites[a].odds).slice(0, SHOWN);
    postMessage({ images: search.images, seconds, sure: search.count(oddsOf(0.99)), words: format.words, best: best.map((index) => ({ index, ...search.elites[index] })), done });
  };
  while (mine === turn && search.count(OWN_CERTAIN) < opened.classes) {
    const children = Array.from({ length: opened.batch }, () => {
      for (;;) {
        const child = search.ask();
        if (search.accepts(child)) return child;
      }
    });
    const answers = await opened.rows(children.map(({ pixels }) => pixels));
    children.forEach(({ genome, parent, image }, n) => search.tell({ genome, parent, image }, format.odds(answers[n])));
    if (performance.now() - told < 250) continue;
    report(false);
    do await sleep(held ? 200 : 0); while (held && mine === turn);
    told = performance.now();
  }
  report(true);
}

// What the page asks for: to open a file, to search, to stop, to hold while nobody looks.
async function obey(asked) {
  try {
    if ("held" in asked) held = asked.held;
    if (asked.stop) turn += 1;
    if (asked.model) {
      opened = await OnnxNetwork.open(asked);
      const { shape, classes, varies, scaling, input } = opened;
      postMessage({ opened: { shape, classes, varies, scaling, type: input.type } });
    }
    if (asked.search) await searchOwn(asked.search);
  } catch (error) {
    turn += 1;
    postMessage({ refused: error instanceof Refusal ? error.message : `It fails: ${brief(error)}` });
  }
}
