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
  // Points become pixels: the tables have the place and the weight of each of the points, four across
  // and four down, that one is made of. It is unrolled, as software is slow at arrays.
  const FOUR = [0, 1, 2, 3];
  const JOIN = `${HEAD}
uniform sampler2D points;
uniform sampler2D across;
uniform sampler2D down;
out vec4 colour;
vec2 read(sampler2D table, int place, int tap) { return texelFetch(table, ivec2(place, tap), 0).xy; }
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  vec3 total = vec3(0.0);
  vec2 ${FOUR.map((i) => `column${i} = read(across, at.x, ${i})`).join(", ")};
  for (int j = 0; j < 4; j++) {
    vec2 row = read(down, at.y, j);
${FOUR.map((i) => `    total += row.y * column${i}.y * floor(texelFetch(points, ivec2(column${i}.x, row.x), 0).rgb * 255.0 + 0.5);`).join("\n")}
  }
  colour = vec4(floor(total + 0.5009765625) / 255.0, 1.0); // halves go up; see bell.py
}`;

  window.neatfool = window.neatfool || {};
  window.neatfool.shaders = { HEAD, VERTEX, DRAW, JOIN };
})();
