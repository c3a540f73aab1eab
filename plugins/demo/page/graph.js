// The drawing of a CPPN: inputs on the left, the output on the right. Thick lines are large weights, dashed
// ones negative.
"use strict";
const SHORT_NAMES = { paper_sine: "sin", paper_gaussian: "bell", paper_sigmoid: "S", paper_linear: "line" };

function svgNode(name, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function drawGraph(genome, place) {
  const nodes = order(genome);
  const level = new Map(INPUTS.map((id) => [id, 0]));
  for (const { id, sources } of nodes) level.set(id, 1 + Math.max(0, ...sources.map((each) => level.get(each))));
  const used = new Set(nodes.flatMap(({ sources }) => sources));
  const columns = [];
  for (const [id, at] of level) if (id >= 0 || used.has(id)) (columns[at] ??= []).push(id);
  const width = 80 * (columns.length - 1) + 70;
  const height = 46 * Math.max(...columns.map((column) => column.length)) + 10;
  const at = new Map();
  columns.forEach((column, x) => column.forEach((id, y) => at.set(id, [35 + 80 * x, (height * (y + 0.5)) / column.length])));
  const svg = svgNode("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `A network of ${nodes.length} nodes` });
  for (const { id, sources, weights } of nodes) {
    sources.forEach((source, k) => {
      const [[x1, y1], [x2, y2]] = [at.get(source), at.get(id)];
      const thick = 0.6 + 0.3 * Math.min(Math.abs(weights[k]), 10);
      svg.append(svgNode("line", { x1, y1, x2, y2, "stroke-width": thick, class: weights[k] < 0 ? "negative" : "" }));
    });
  }
  const names = new Map(INPUTS.map((id, i) => [id, INPUT_NAMES[i]]));
  for (const { id, activation } of nodes) names.set(id, SHORT_NAMES[activation] ?? activation);
  for (const [id, [x, y]] of at) {
    svg.append(svgNode("circle", { cx: x, cy: y, r: 15 }));
    svg.append(svgNode("text", { x, y: y + 4, "text-anchor": "middle" }, names.get(id)));
  }
  place.replaceChildren(svg);
}
