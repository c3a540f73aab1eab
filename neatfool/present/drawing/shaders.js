// The shaders that are the same for all pictures, in GLSL ES 3.00. The first row of what they draw is
// the picture's first row.
"use strict";
(() => {
  const HEAD = "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp sampler2D;\n";
  const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;
  // The network's colours at the points of a table's columns and rows.
  const DRAW = `
uniform sampler2D columns;
uniform sampler2D rows;
out vec4 colour;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  vec2 across = texelFetch(columns, ivec2(at.x, 0), 0).xy;
  vec2 down = texelFetch(rows, ivec2(at.y, 0), 0).xy;
  vec3 channels = draw(vec2(across.x, down.x), vec2(across.y, down.y));
  colour = vec4(floor(channels * 255.0 + 0.5) / 255.0, 1.0);
}`;
  // Points become pixels, first across and then down: a sum of the four points in a line that a pixel
  // is made of, the first of which is at a place. The sums between the two are kept as the bits of
  // floats, as not every graphics card draws floats.
  const join = ({ sampler, out, axis, place, read, write }) => `${HEAD}
uniform highp ${sampler} points;
uniform sampler2D first;
uniform sampler2D weights;
out ${out} colour;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int from = int(texelFetch(first, ivec2(at.${axis}, 0), 0).x);
  vec4 weight = texelFetch(weights, ivec2(at.${axis}, 0), 0);
  vec3 total = ${[0, 1, 2, 3].map((i) => `weight[${i}] * ${read(`texelFetch(points, ${place(`from + ${i}`)}, 0).rgb`)}`).join(" + ")};
  colour = ${write};
}`;
  const ACROSS = join({
    ...{ sampler: "sampler2D", out: "uvec4", axis: "x", place: (x) => `ivec2(${x}, at.y)` },
    read: (point) => `floor(${point} * 255.0 + 0.5)`,
    write: "uvec4(floatBitsToUint(total), 0u)",
  });
  const DOWN = join({
    ...{ sampler: "usampler2D", out: "vec4", axis: "y", place: (y) => `ivec2(at.x, ${y})` },
    read: (sum) => `uintBitsToFloat(${sum})`,
    write: "vec4(floor(total + 0.5009765625) / 255.0, 1.0)", // halves go up; see spline.py
  });

  window.neatfool = window.neatfool || {};
  window.neatfool.shaders = { HEAD, VERTEX, DRAW, ACROSS, DOWN };
})();
