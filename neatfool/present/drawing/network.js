// A network: its topology becomes GLSL, its numbers become parameters.
//
// A genome comes as {n: nodes, w: numbers, o: outputs}. Each node is
// [activation, source, source, ...]; sources 0 to 3 are the inputs x, y, d and 1, and 4 + i is node
// i, which stands before. The numbers are those of each node: bias, response, and the
// weights of its sources, as the bytes of single precision in base64, or as a Float32Array.
"use strict";
(() => {
  const { functions } = window.neatfool;
  const INPUTS = ["x", "y", "d", "1"];

  class Network {
    // activations: the names that the first number of a node counts.
    constructor(genome, activations) {
      const numbers = typeof genome.w === "string" ? decode(genome.w) : genome.w;
      let at = 0;
      this.nodes = genome.n.map(([activation, ...sources]) => {
        const own = numbers.subarray(at, at + 2 + sources.length);
        at += own.length;
        return {
          activation: activations[activation],
          bias: own[0],
          response: own[1],
          sources,
          weights: [...own.subarray(2)],
        };
      });
      this.outputs = genome.o;
    }

    // The parameters, in the order in which the shader takes them.
    parameters() {
      const numbers = [];
      for (const node of this.nodes) {
        for (const weight of node.weights) numbers.push(weight * node.response);
        numbers.push(node.bias);
      }
      return Float32Array.from(numbers);
    }

    // The whole network as numbers, for the source that is the same for all: four a node (its function's
    // place in `functions`, how many pairs of sources, bias, 0) and four a pair (place and weight of each).
    code(functions) {
      const numbers = [this.nodes.length, ...this.outputs, 0, 0, 0].slice(0, 4);
      for (const { activation, bias, response, sources, weights } of this.nodes) {
        const pairs = Math.ceil(sources.length / 2);
        numbers.push(functions.indexOf(activation), pairs, bias, 0);
        sources.forEach((source, i) => numbers.push(source, weights[i] * response));
        if (sources.length % 2) numbers.push(3, 0);
      }
      return Float32Array.from(numbers);
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
      const used = shown === null ? this.outputs : shown >= 4 ? [shown - 4] : [];
      const needed = this.needed(used);
      let next = 0;
      const take = () => parameter(next++);
      this.nodes.forEach((node, place) => {
        const terms = node.sources.map((source) => `${name(source)} * ${take()}`);
        const bias = `vec3(${take()}, 0.0, 0.0)`;
        if (!needed.has(place)) return;
        names.add(node.activation);
        lines.push(`vec3 n${place} = act_${node.activation}(${[...terms, bias].join(" + ")});`);
      });
      const colours = this.outputs.map((output) => `n${output}`).join(", ");
      return [
        "", // a line for each directive
        functions.ELEMENTARY,
        functions.COLOUR_MAPS[colour],
        ...[...names].sort().map((each) => functions.ACTIVATIONS[each]),
        "uniform vec4 steps; // what x and y, and the normalised ones, change by over the reach of a pixel",
        "vec3 draw(vec2 at, vec2 normal) {",
        "  float distance = sqrt(normal.x * normal.x + normal.y * normal.y);",
        "  vec3 x = vec3(at.x, steps.x, 0.0), y = vec3(at.y, 0.0, steps.y);",
        "  vec3 d = vec3(distance, steps.zw * normal / max(distance, 1e-30));",
        ...lines.map((line) => `  ${line}`),
        `  return ${shown === null ? `colour_${colour}(${colours})` : asGrey(shown, ranges)};`,
        "}",
      ].join("\n");
    }
  }

  // GLSL that draws any network of so many nodes at most, and of such functions, from its `code`: it is
  // compiled once, and draws more slowly than a network's own source.
  // The code is in so many vectors of uniforms, or in a texture if that is null.
  function sharedSource({ colour, functions: used, nodes, vectors, outputs }) {
    // As a loop each function is skipped where it is not needed; software computes all cases of a switch.
    const cases = used.map((each, place) => `  for (int go = int(activation == ${place}); go > 0; go--) result = act_${each}(z);`);
    const colours = Array.from({ length: outputs }, (_, i) => `values[4 + int(head[${i + 1}])]`).join(", ");
    return [
      vectors ? `uniform vec4 parameters[${vectors}];` : "uniform sampler2D parameters;",
      functions.ELEMENTARY,
      functions.COLOUR_MAPS[colour],
      ...used.map((each) => functions.ACTIVATIONS[each]),
      "uniform vec4 steps;",
      `vec4 read(int i) { return ${vectors ? "parameters[i]" : "texelFetch(parameters, ivec2(i & 1023, i >> 10), 0)"}; }`,
      `vec3 activate(int activation, vec3 z) {\n  vec3 result = z;\n${cases.join("\n")}\n  return result;\n}`,
      "vec3 draw(vec2 at, vec2 normal) {",
      `  vec3 values[${4 + nodes}];`,
      "  float distance = sqrt(normal.x * normal.x + normal.y * normal.y);",
      "  values[0] = vec3(at.x, steps.x, 0.0);",
      "  values[1] = vec3(at.y, 0.0, steps.y);",
      "  values[2] = vec3(distance, steps.zw * normal / max(distance, 1e-30));",
      "  values[3] = vec3(1.0, 0.0, 0.0);",
      "  vec4 head = read(0);",
      "  int next = 1;",
      "  for (int i = 0; i < int(head.x); i++) {",
      "    vec4 node = read(next++);",
      "    vec3 sum = vec3(0.0);",
      "    for (int end = next + int(node.y); next < end; next++) {",
      "      vec4 pair = read(next);",
      "      sum += values[int(pair.x)] * pair.y;",
      "      sum += values[int(pair.z)] * pair.w;",
      "    }",
      "    values[4 + i] = activate(int(node.x), sum + vec3(node.z, 0.0, 0.0));",
      "  }",
      `  return colour_${colour}(${colours});`,
      "}",
    ].join("\n");
  }

  function decode(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  }

  function name(source) {
    return source >= 4 ? `n${source - 4}` : source === 3 ? "vec3(1.0, 0.0, 0.0)" : INPUTS[source];
  }

  function asGrey(source, ranges) {
    const mean = `${name(source)}.x`;
    const value = source < 2 ? `(${mean} / ${Math.max(ranges[source], 1).toFixed(1)})` : mean;
    return `vec3(0.5 + 0.5 * clamp(${value}, -1.0, 1.0))`;
  }

  Object.assign(window.neatfool, { Network, sharedSource });
  window.neatfool.INPUTS = INPUTS;
})();
