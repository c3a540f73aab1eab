// How the nodes of a CPPN are written in GLSL ES 3.00. The formulas are in glsl.js, which neatfool
// writes: they are those of neatfool's plain renderer.
"use strict";
(() => {
  const fold = (name, terms) => terms.reduce((whole, term) => `${name}(${whole}, ${term})`);
  const AGGREGATIONS = {
    sum: null, // a weighted sum: its weights hold the response, and the divisor of the mean
    mean: null,
    product: (terms) => terms.join(" * ") || "1.0",
    max: (terms) => fold("larger", terms),
    min: (terms) => fold("smaller", terms),
    maxabs: (terms) => fold("larger_size", terms),
    median: null, // its terms are sorted first; see network.js
  };

  // The size that a value has at most, given that of z.
  const GROWING = ["relu", "elu", "lelu", "selu", "softplus", "identity", "abs"];
  const UNBOUNDED = ["inv", "log", "exp", "square", "cube"];
  function bound(name, size) {
    if (UNBOUNDED.includes(name)) return Infinity;
    return GROWING.includes(name) ? 2 * size + 2 : 1;
  }

  window.neatfool.functions = { ...window.neatfool.glsl, AGGREGATIONS, bound };
})();
