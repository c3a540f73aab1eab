// The drawing of a network: inputs on the left, outputs on the right, each node a button.
"use strict";
(() => {
  const { element, drawn, gallery, counted, INPUTS, Window } = window.neatfool;
  const SWEEPS = 12;
  const WIDTH = 900; // of a drawing, if its columns are not closer or wider apart than these:
  const COLUMN = [36, 74];
  const ROW = 46; // rows are as far apart at least
  const MARGIN = 14; // for the names of outputs
  const HIGH = 0.62; // the height of a drawing, in widths, at least
  const RADIUS = 15;
  const OPENED = 1.4; // pixels of the page in one of the drawing, at most, when it opens
  const LARGEST = 3; // and when it is enlarged

  // Places each source in a column and sorts columns by the mean of their neighbours' places, so
  // that few lines cross (Sugiyama, Tagawa and Toda, 1981).
  function layOut(network) {
    const levels = network.levels();
    const last = Math.max(...levels, 0) + 1;
    const outputs = new Set(network.outputs);
    const raw = [0, 0, 0, 0, ...levels.map((level, place) => (outputs.has(place) ? last : level))];
    const used = new Set(network.nodes.flatMap((node) => node.sources.filter((source) => source < 4)));
    const present = raw.map((_, source) => source).filter((source) => source >= 4 || used.has(source));
    const numbers = [...new Set(present.map((source) => raw[source]))].sort((a, b) => a - b);
    const columns = numbers.map(() => []);
    for (const source of present) columns[numbers.indexOf(raw[source])].push(source);
    const near = new Map(present.map((source) => [source, []]));
    network.nodes.forEach((node, place) => {
      for (const source of node.sources) {
        near.get(source).push(place + 4);
        near.get(place + 4).push(source);
      }
    });
    const at = new Map();
    const settle = (column) => column.forEach((source, i) => at.set(source, i - (column.length - 1) / 2));
    columns.forEach(settle);
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      const inner = columns.slice(1, -1);
      for (const column of sweep % 2 ? inner.reverse() : inner) {
        const mean = new Map(
          column.map((source) => {
            const those = near.get(source).map((other) => at.get(other));
            return [source, those.length ? those.reduce((a, b) => a + b, 0) / those.length : at.get(source)];
          }),
        );
        column.sort((a, b) => mean.get(a) - mean.get(b));
        settle(column);
      }
    }
    const most = Math.max(...columns.map((column) => column.length));
    const across = Math.min(Math.max(WIDTH / columns.length, COLUMN[0]), COLUMN[1]);
    const width = across * columns.length;
    const row = Math.max(ROW, Math.min((HIGH * width) / most, 2 * ROW));
    const places = new Map();
    columns.forEach((column, i) => {
      for (const source of column) places.set(source, { x: MARGIN + across * (i + 0.5), y: row * (at.get(source) + most / 2) });
    });
    return { places, width: width + 2 * MARGIN, height: row * most };
  }

  function labelOf(network, source, labels) {
    if (source < 4) return { short: INPUTS[source], long: `input ${["x", "y", "distance from the centre", "one"][source]}` };
    const node = network.nodes[source - 4];
    const output = network.outputs.indexOf(source - 4);
    const what = output < 0 ? `node ${source - 3}` : `output ${labels[output]}`; // its key has 16 figures
    return { short: output < 0 ? "" : labels[output], long: `${what}: ${node.activation}, ${counted(node.sources.length, "input", "inputs")}` };
  }

  class Graph {
    // choose(source) is called when a node is chosen.
    constructor(network, labels, choose) {
      this.network = network;
      const { places, width, height } = layOut(network);
      this.nodes = new Map();
      const edges = drawn("g", { class: "edges", "aria-hidden": "true" });
      this.edges = [];
      network.nodes.forEach((node, place) => {
        node.sources.forEach((source, i) => {
          const [a, b] = [places.get(source), places.get(place + 4)];
          const middle = (a.x + b.x) / 2;
          const line = drawn("path", { d: `M${a.x} ${a.y}C${middle} ${a.y} ${middle} ${b.y} ${b.x} ${b.y}` });
          this.edges.push({ line, node, place, source, i });
          edges.append(line);
        });
      });
      const buttons = [...places].map(([source, { x, y }]) => this.button(source, x, y, labels, choose));
      this.svg = drawn(
        "svg",
        { class: "graph", role: "group", "aria-label": `the network: ${network.nodes.length} nodes` },
        edges,
        ...buttons,
      );
      this.svg.style.aspectRatio = `${width} / ${height}`;
      this.svg.style.maxWidth = `${width * OPENED}px`;
      this.window = new Window(this.svg, width, height, LARGEST);
      this.root = element("div", { class: "graph-place" }, this.svg, this.window.buttons);
      this.weigh();
    }

    button(source, x, y, labels, choose) {
      const { short, long } = labelOf(this.network, source, labels);
      const name = source < 4 ? null : this.network.nodes[source - 4].activation;
      const glyph = name && gallery.glyphs[name];
      const kind = source < 4 ? "input" : this.network.outputs.includes(source - 4) ? "output" : "hidden";
      const parts = [drawn("title", {}, long), drawn("circle", { r: RADIUS })];
      if (glyph) {
        parts[1].style.setProperty("--own", glyph.colour);
        const points = glyph.points.map(([px, py]) => `${(px * 9).toFixed(1)},${(-py * 7).toFixed(1)}`).join(" ");
        parts.push(drawn("polyline", { points }));
      }
      if (short) parts.push(drawn("text", { y: glyph ? RADIUS + 10 : 4, "text-anchor": "middle" }, short));
      const node = drawn(
        "g",
        {
          class: `node ${kind}`,
          transform: `translate(${x} ${y})`,
          role: "button",
          tabindex: 0,
          "aria-pressed": "false",
          "aria-label": long,
          on: {
            click: () => choose(source),
            keydown: (event) => {
              if (event.key !== "Enter" && event.key !== " ") return;
              event.preventDefault();
              choose(source);
            },
          },
        },
        ...parts,
      );
      this.nodes.set(source, node);
      return node;
    }

    // Thick lines are large weights, dashed ones negative.
    weigh() {
      for (const { line, node, i } of this.edges) {
        const weight = node.weights[i];
        line.setAttribute("stroke-width", (0.6 + Math.min(Math.abs(weight), 10) * 0.22).toFixed(2));
        line.classList.toggle("negative", weight < 0);
      }
    }

    mark(source) {
      for (const [each, node] of this.nodes) node.setAttribute("aria-pressed", String(each === source));
      const needed = source >= 4 ? this.network.needed([source - 4]) : new Set();
      for (const { line, place } of this.edges) line.classList.toggle("used", source !== null && needed.has(place));
    }
  }

  window.neatfool.Graph = Graph;
  window.neatfool.labelOf = labelOf;
})();
