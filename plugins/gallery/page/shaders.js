// The shaders that are the same for all pictures, in GLSL ES 3.00. The first row of what they draw is
// the picture's first row.
"use strict";
(() => {
  const HEAD = "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp sampler2D;\n";
  const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;
  const DRAW = `
uniform sampler2D columns;
uniform sampler2D rows;
out vec4 colour;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  vec2 across = texelFetch(columns, ivec2(at.x, 0), 0).xy;
  vec2 down = texelFetch(rows, ivec2(at.y, 0), 0).xy;
  vec3 channels = draw(across.x, down.x, sqrt(across.y + down.y));
  colour = vec4(floor(channels * 255.0 + 0.5) / 255.0, 1.0);
}`;

  window.neatfool = window.neatfool || {};
  window.neatfool.shaders = { HEAD, VERTEX, DRAW };
})();
