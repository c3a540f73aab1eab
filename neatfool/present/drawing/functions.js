// How the nodes of a CPPN are written in GLSL ES 3.00. The formulas are in glsl.js, which neatfool
// writes. A value is a vec3: its mean, and what it changes by over
// the reach of a pixel, to the right and downwards.
"use strict";
(() => {
  window.neatfool.functions = window.neatfool.glsl;
})();
