// How the nodes of a CPPN are written in GLSL ES 3.00. The formulas are in glsl.js, which neatfool
// writes. A value is a vec3: its mean, and what it changes by over
// the reach of a pixel, to the right and downwards.
"use strict";
(() => {
  const fold = (name) => (terms) => terms.reduce((whole, term) => `${name}(${whole}, ${term})`);
  const AGGREGATIONS = {
    sum: null, // a weighted sum: its weights hold the response, and the divisor of the mean
    mean: null,
    product: (terms) => (terms.length ? fold("product")(terms) : "vec3(1.0, 0.0, 0.0)"),
    max: fold("larger"),
    min: fold("smaller"),
    maxabs: fold("larger_size"),
    median: null, // its terms are sorted first; see network.js
  };

  window.neatfool.functions = { ...window.neatfool.glsl, AGGREGATIONS };
})();
