// The shaders that are the same for all pictures, in GLSL ES 3.00. The first row of what they draw is
// the picture's first row.
"use strict";
(() => {
  const HEAD = "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp sampler2D;\n";
  const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;
  // Samples of several lattices stand side by side, `sheets` in a row.
  const DRAW = `
uniform sampler2D columns;
uniform sampler2D rows;
uniform ivec2 size;
uniform int sheets;
out vec4 colour;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  ivec2 sheet = at / size;
  ivec2 place = at - sheet * size;
  int shift = sheet.y * sheets + sheet.x;
  vec2 across = texelFetch(columns, ivec2(place.x, shift), 0).xy;
  vec2 down = texelFetch(rows, ivec2(place.y, shift), 0).xy;
  vec3 channels = draw(across.x, down.x, sqrt(across.y + down.y));
  colour = vec4(floor(channels * 255.0 + 0.5) / 255.0, 1.0);
}`;
  // Rows of samples become rows of the image's width, of numbers from 0 to 255.
  const ACROSS = `${HEAD}
uniform sampler2D samples;
uniform sampler2D weights;
uniform ivec2 size;
uniform int width;
uniform int taps;
uniform int sheets;
out vec4 line;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  ivec2 sheet = ivec2(at.x / width, at.y / size.y);
  int pixel = at.x - sheet.x * width;
  int top = (sheet.y * sheets + sheet.x) * (taps + 1);
  int first = int(texelFetch(weights, ivec2(pixel, top), 0).x);
  vec3 total = vec3(0.0);
  for (int tap = 0; tap < taps; tap++) {
    float weight = texelFetch(weights, ivec2(pixel, top + 1 + tap), 0).x;
    int column = sheet.x * size.x + clamp(first + tap, 0, size.x - 1);
    total += weight * floor(texelFetch(samples, ivec2(column, at.y), 0).rgb * 255.0 + 0.5);
  }
  line = vec4(total, 1.0);
}`;
  const DOWN = `${HEAD}
uniform sampler2D lines;
uniform sampler2D weights;
uniform int tall;
uniform int width;
uniform int taps;
uniform int sheets;
uniform int shifts;
out vec4 colour;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  vec3 total = vec3(0.0);
  for (int shift = 0; shift < shifts; shift++) {
    int top = shift * (taps + 1);
    int first = int(texelFetch(weights, ivec2(at.y, top), 0).x);
    ivec2 sheet = ivec2(shift % sheets * width, shift / sheets * tall);
    for (int tap = 0; tap < taps; tap++) {
      float weight = texelFetch(weights, ivec2(at.y, top + 1 + tap), 0).x;
      int row = clamp(first + tap, 0, tall - 1);
      total += weight * texelFetch(lines, sheet + ivec2(at.x, row), 0).rgb;
    }
  }
  colour = vec4(floor(total / float(shifts) + 0.5) / 255.0, 1.0);
}`;
  // Both at once, where lines of floats cannot be kept.
  const BOTH = `${HEAD}
uniform sampler2D samples;
uniform sampler2D weights;
uniform sampler2D weights_down;
uniform ivec2 size;
uniform int taps;
uniform int taps_down;
uniform int sheets;
uniform int shifts;
out vec4 colour;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  vec3 total = vec3(0.0);
  for (int shift = 0; shift < shifts; shift++) {
    ivec2 sheet = ivec2(shift % sheets, shift / sheets) * size;
    int left = shift * (taps + 1), top = shift * (taps_down + 1);
    int column = int(texelFetch(weights, ivec2(at.x, left), 0).x);
    int row = int(texelFetch(weights_down, ivec2(at.y, top), 0).x);
    for (int i = 0; i < taps_down; i++) {
      vec3 line = vec3(0.0);
      int y = clamp(row + i, 0, size.y - 1);
      for (int j = 0; j < taps; j++) {
        ivec2 place = sheet + ivec2(clamp(column + j, 0, size.x - 1), y);
        float weight = texelFetch(weights, ivec2(at.x, left + 1 + j), 0).x;
        line += weight * floor(texelFetch(samples, place, 0).rgb * 255.0 + 0.5);
      }
      total += texelFetch(weights_down, ivec2(at.y, top + 1 + i), 0).x * line;
    }
  }
  colour = vec4(floor(total / float(shifts) + 0.5) / 255.0, 1.0);
}`;

  window.neatfool = window.neatfool || {};
  window.neatfool.shaders = { HEAD, VERTEX, DRAW, ACROSS, DOWN, BOTH };
})();
