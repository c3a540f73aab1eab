// One image, to play with: its formula, its weights, what it survives, and its children.
"use strict";
const CHILDREN = 16;
const LARGE_PLAY = 280;
const play = { digit: 0, genome: null, before: [], random: randomNumbers(1) };

function openPlay(digit, genome) {
  Object.assign(play, { digit, genome: copyOf(genome), before: [], random: randomNumbers(state.images + digit) });
  for (const id of ["blur", "shift", "grain"]) byId(id).value = 0;
  byId("children").replaceChildren();
  byId("linked").textContent = "";
  showGenome();
  byId("play").showModal();
}

function showGenome() {
  const nodes = order(play.genome);
  const count = nodes.reduce((total, { sources }) => total + sources.length, 0);
  byId("size").textContent = `${nodes.length} ${nodes.length === 1 ? "node" : "nodes"}, ${count} ${count === 1 ? "connection" : "connections"}. It reads the column x, the row y and the distance d from the centre.`;
  byId("play-title").textContent = `${play.before.length ? "Bred from the" : "The"} image for ${play.digit}`;
  byId("back").hidden = !play.before.length;
  drawGraph(play.genome, byId("graph"));
  const name = (id) => (id < 0 ? INPUT_NAMES[-id - 1] : id === 0 ? "output" : `node ${id}`);
  byId("weights").replaceChildren(
    ...play.genome.connections.filter((each) => each[3]).map((connection) => {
      const knob = make("input");
      Object.assign(knob, { type: "range", min: -LARGEST_WEIGHT, max: LARGEST_WEIGHT, step: 0.01, value: connection[2] });
      knob.addEventListener("input", () => {
        connection[2] = Number(knob.value);
        drawGraph(play.genome, byId("graph"));
        showImage();
      });
      return make("label", "", `${name(connection[0])} → ${name(connection[1])}`, knob);
    }),
  );
  showImage();
}

function showImage() {
  const pixels = altered(draw(play.genome, SIDE));
  paint(byId("large"), play.genome, LARGE_PLAY);
  put(byId("seen"), pixels);
  drawBars(byId("bars"), local.logits(pixels));
  const seen = byId("seen").toDataURL("image/png");
  Object.assign(byId("save-image"), { href: seen, download: `${play.digit}.png` });
  const text = JSON.stringify(play.genome);
  const file = `data:application/json;base64,${btoa(text)}`;
  Object.assign(byId("save-genome"), { href: file, download: `${play.digit}.json` });
}

// The image as the sliders change it: moved, blurred, noisy.
function altered(pixels) {
  const [blur, shift, grain] = ["blur", "shift", "grain"].map((id) => Number(byId(id).value));
  const moved = Float32Array.from(pixels, (_, i) => pixels[i - shift] * (Math.floor(i / SIDE) === Math.floor((i - shift) / SIDE)) || 0);
  const random = randomNumbers(7);
  return Uint8Array.from(blurred(blurred(moved, blur, 1), blur, SIDE), (grey) => Math.min(Math.max(Math.round(grey + grain * (2 * random() - 1)), 0), 255));
}

// Blurs along lines whose pixels are `step` apart; black lies around the image.
function blurred(pixels, deviation, step) {
  if (!deviation) return pixels;
  const reach = Math.ceil(3 * deviation);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-((k - reach) ** 2) / (2 * deviation * deviation)));
  const total = weights.reduce((a, b) => a + b);
  return pixels.map((_, i) => {
    const place = step === 1 ? i % SIDE : Math.floor(i / SIDE);
    return weights.reduce((sum, part, k) => {
      const other = place + k - reach;
      return other < 0 || other >= SIDE ? sum : sum + (part / total) * pixels[i + (k - reach) * step];
    }, 0);
  });
}

function breed() {
  const children = Array.from({ length: CHILDREN }, () => mutate(play.genome, play.random));
  byId("children").replaceChildren(
    ...children.map((child, i) => {
      const canvas = make("canvas");
      const pixels = draw(child, SIDE);
      paint(canvas, child, 56);
      const odds = logOdds(local.logits(pixels));
      const best = odds.indexOf(Math.max(...odds));
      const button = make("button", "", canvas);
      button.type = "button";
      button.title = `the network says ${best}, ${percent(odds[best])}`;
      button.setAttribute("aria-label", `child ${i + 1}: ${button.title}`);
      button.addEventListener("click", () => {
        play.before.push(play.genome);
        play.genome = child;
        showGenome();
        breed();
        byId("children").firstElementChild.focus();
      });
      return button;
    }),
  );
}

for (const id of ["blur", "shift", "grain"]) byId(id).addEventListener("input", showImage);
byId("breed").addEventListener("click", breed);
byId("back").addEventListener("click", () => {
  play.genome = play.before.pop();
  showGenome();
  breed();
});
byId("close").addEventListener("click", () => byId("play").close());
byId("link").addEventListener("click", async () => {
  const hash = new URLSearchParams({ seed: state.seed, digit: play.digit, genome: btoa(JSON.stringify(play.genome)) });
  history.replaceState(null, "", `#${hash}`);
  try {
    await navigator.clipboard.writeText(location.href);
    byId("linked").textContent = "The link is copied. It holds the whole image.";
  } catch {
    byId("linked").textContent = "The address of this page now holds the whole image: copy it from there.";
  }
});

// Opens the image of a link. What a link holds is a stranger's: it has to be a genome of this page.
function openLink(given) {
  try {
    const { nodes, connections } = JSON.parse(atob(given.get("genome")));
    const number = (value, most) => {
      if (!Number.isFinite(value) || Math.abs(value) > most) throw new Error("not a number of a genome");
      return value;
    };
    const ids = new Set([...INPUTS, ...nodes.map(([id]) => number(id, 1e6))]);
    if (nodes.length > 200 || connections.length > 2000 || !ids.has(0)) throw new Error("not a genome");
    const genome = {
      format: "neatfool.cppn",
      version: 1,
      nodes: nodes.map(([id, activation, , bias, response]) => {
        if (!Object.hasOwn(functions.activations, activation)) throw new Error("an unknown activation");
        return [id, activation, "sum", number(bias, 1e3), number(response, 1e3), 1];
      }),
      connections: [],
    };
    for (const [from, to, weight, enabled] of connections) {
      if (!ids.has(from) || !ids.has(to) || to < 0 || leadsTo(genome, to, from)) throw new Error("not a genome");
      genome.connections.push([from, to, number(weight, 1e3), enabled === true]);
    }
    openPlay(Math.min(Math.max(Math.floor(Number(given.get("digit"))) || 0, 0), 9), genome);
  } catch {
    byId("notice").textContent = "The link holds no image that this page can draw.";
  }
}
