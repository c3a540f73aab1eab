// The shaders that are the same for all pictures, in GLSL ES 3.00. The first row of what they draw is
// the picture's first row.
"use strict";
(() => {
  const HEAD = "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp sampler2D;\n";
  const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;
  // A pixel shows the mean of places around it: the tables have a row for each step of the bell.
  const DRAW = `
uniform sampler2D columns;
uniform sampler2D rows;
out vec4 colour;
const float WEIGHTS[5] = float[](0.0625, 0.25, 0.375, 0.25, 0.0625);
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int count = textureSize(columns, 0).y;
  vec3 channels = vec3(0.0);
  for (int j = 0; j < count; j++) {
    vec2 down = texelFetch(rows, ivec2(at.y, j), 0).xy;
    for (int i = 0; i < count; i++) {
      vec2 across = texelFetch(columns, ivec2(at.x, i), 0).xy;
      float weight = count == 1 ? 1.0 : WEIGHTS[i] * WEIGHTS[j];
      channels += weight * draw(vec2(across.x, down.x), vec2(across.y, down.y));
    }
  }
  colour = vec4(floor(channels * 255.0 + 0.5) / 255.0, 1.0);
}`;

  window.neatfool = window.neatfool || {};
  window.neatfool.shaders = { HEAD, VERTEX, DRAW };
})();
