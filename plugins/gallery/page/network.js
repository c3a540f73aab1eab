// A network: its topology becomes GLSL, its numbers become parameters.
//
// A genome comes as {n: nodes, w: numbers, o: outputs}. Each node is
// [activation, aggregation, source, source, ...]; sources 0 to 3 are the inputs x, y, d and 1, and
// 4 + i is node i, which stands before. The numbers are those of each node: bias, response, and the
// weights of its sources, as the bytes of single precision in base64.
"use strict";
(() => {
  const { functions } = window.neatfool;
  const INPUTS = ["x", "y", "d", "1"];

  class Network {
    // functionNames: {activations: [...], aggregations: [...]}, which the genome's numbers count.
    constructor(genome, functionNames) {
      const numbers = decode(genome.w);
      let at = 0;
      this.nodes = genome.n.map(([activation, aggregation, ...sources]) => {
        const own = numbers.subarray(at, at + 2 + sources.length);
        at += own.length;
        return {
          activation: functionNames.activations[activation],
          aggregation: functionNames.aggregations[aggregation],
          bias: own[0],
          response: own[1],
          sources,
          weights: [...own.subarray(2)],
        };
      });
      this.outputs = genome.o;
    }

    // How a node joins its terms. Nothing to join is an empty sum, but for a product.
    static joins(node) {
      const empty = node.sources.length === 0 && node.aggregation !== "product";
      return empty || node.aggregation === "mean" ? "sum" : node.aggregation;
    }

    // The parameters, in the order in which the shader takes them.
    parameters() {
      const numbers = [];
      for (const node of this.nodes) {
        if (Network.joins(node) === "sum") {
          const scale = node.aggregation === "mean" ? node.response / node.sources.length : node.response;
          for (const weight of node.weights) numbers.push(weight * scale);
        } else {
          numbers.push(...node.weights, node.response);
        }
        numbers.push(node.bias);
      }
      return Float32Array.from(numbers);
    }

    // Which nodes' arguments surely stay moderate, even if each number grows to ten times its size.
    calm(xMost) {
      const sizes = [xMost, xMost, 32, 1];
      return this.nodes.map((node) => {
        const terms = node.sources.map((source, i) => Math.abs(node.weights[i]) * sizes[source]);
        const most = Network.joins(node) === "product" ? Infinity : terms.reduce((a, b) => a + b, 0);
        const size = most * Math.abs(node.response) + Math.abs(node.bias);
        sizes.push(functions.bound(node.activation, size));
        return 10 * size + 100 < functions.CALM;
      });
    }

    // The longest way from an input to each node.
    levels() {
      const level = [];
      for (const node of this.nodes) {
        level.push(1 + Math.max(0, ...node.sources.map((source) => (source < 4 ? 0 : level[source - 4]))));
      }
      return level;
    }

    // The places of the nodes that `place` depends on, itself included.
    needed(places) {
      const found = new Set();
      const visit = (place) => {
        if (found.has(place)) return;
        found.add(place);
        for (const source of this.nodes[place].sources) if (source >= 4) visit(source - 4);
      };
      places.forEach(visit);
      return found;
    }

    // GLSL that draws. Without `shown` the colour map draws the outputs; with it a source's value is
    // drawn in grey: -1 and less is black, 0 is grey, 1 and more is white. `ranges` are the largest
    // x and y, by which these are divided then.
    source({ colour, parameter, shown = null, ranges = [1, 1] }) {
      const lines = [];
      const names = new Set();
      const calm = this.calm(32 * Math.max(...ranges));
      const used = shown === null ? this.outputs : shown >= 4 ? [shown - 4] : [];
      const needed = this.needed(used);
      let next = 0;
      const take = () => parameter(next++);
      this.nodes.forEach((node, place) => {
        const terms = node.sources.map((source) => `${take()} * ${name(source)}`);
        const lists = Network.joins(node);
        const response = lists === "sum" ? null : take();
        const bias = take();
        if (!needed.has(place)) return;
        const z =
          response === null ? [...terms, bias].join(" + ") : `${join(lists, terms, place, lines)} * ${response} + ${bias}`;
        const kind = calm[place] ? "calm" : "act";
        names.add(`${kind}_${node.activation}`);
        lines.push(`float n${place} = ${kind}_${node.activation}(${z});`);
      });
      return [
        "", // a line for each directive
        functions.ELEMENTARY,
        functions.TRIANGLE,
        functions.REDUCTIONS,
        functions.COLOURS,
        ...[...names].sort().map((each) => functions.ACTIVATIONS[each]),
        "vec3 draw(float x, float y, float d) {",
        ...lines.map((line) => `  ${line}`),
        `  return ${shown === null ? mapped(colour, this.outputs) : asGrey(shown, ranges)};`,
        "}",
      ].join("\n");
    }
  }

  function decode(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  }

  function name(source) {
    return source >= 4 ? `n${source - 4}` : source === 3 ? "1.0" : INPUTS[source];
  }

  function join(aggregation, terms, place, lines) {
    if (aggregation !== "median") return `(${functions.AGGREGATIONS[aggregation](terms)})`;
    const names = terms.map((_, i) => `t${place}_${i}`);
    names.forEach((term, i) => lines.push(`float ${term} = ${terms[i]};`));
    const count = names.length;
    for (let end = count > 2 ? count - 1 : 0; end > 0; end--) {
      for (let i = 0; i < end; i++) lines.push(`sort(${names[i]}, ${names[i + 1]});`);
    }
    const middle = names[count >> 1];
    return count % 2 ? middle : `((${names[(count >> 1) - 1]} + ${middle}) / 2.0)`;
  }

  function mapped(colour, outputs) {
    const expression = functions.COLOUR_MAPS[colour];
    return expression.replace(/\b[abc]\b/g, (letter) => `n${outputs["abc".indexOf(letter)]}`);
  }

  function asGrey(source, ranges) {
    const value = source < 2 ? `(${name(source)} / ${Math.max(ranges[source], 1).toFixed(1)})` : name(source);
    return `vec3(is_nan(${value}) ? 0.5 : 0.5 + 0.5 * (abs(${value}) <= 1.0 ? ${value} : sign(${value})))`;
  }

  window.neatfool.Network = Network;
  window.neatfool.INPUTS = INPUTS;
})();
