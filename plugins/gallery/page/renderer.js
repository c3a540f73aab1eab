// Draws CPPNs with WebGL2: one context for the whole page.
//
// A picture is {network, parameters, spec, shown}: spec = {width, height, inputs, colour, blur,
// samples} is the run's, `shown` the source whose value is drawn in place of the colours, if any.
"use strict";
(() => {
  const { places } = window.neatfool;
  const PROGRAMS_KEPT = 96;
  const HEAD = "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp sampler2D;\n";
  const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;
  // Samples of several lattices stand side by side, `sheets` in a row. An image that is shown has
  // its first row at the top, so that `flip` is its height there and 0 elsewhere.
  const DRAW = `
uniform sampler2D columns;
uniform sampler2D rows;
uniform ivec2 size;
uniform int sheets;
uniform int flip;
out vec4 colour;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  if (flip > 0) at.y = flip - 1 - at.y;
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
uniform int flip;
out vec4 colour;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  if (flip > 0) at.y = flip - 1 - at.y;
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
uniform int flip;
out vec4 colour;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  if (flip > 0) at.y = flip - 1 - at.y;
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

  class Renderer extends EventTarget {
    // options: {floats: false} draws as where there are no textures of floats to write to,
    // {uniforms: n} as if a shader could have so many.
    constructor(options = {}) {
      super();
      this.options = options;
      this.canvas = document.createElement("canvas");
      this.canvas.addEventListener("webglcontextlost", (event) => {
        event.preventDefault();
        this.gl = null;
        this.dispatchEvent(new Event("lost"));
      });
      this.canvas.addEventListener("webglcontextrestored", () => {
        this.begin();
        this.dispatchEvent(new Event("restored"));
      });
      this.begin();
    }

    begin() {
      this.programs = new Map();
      this.textures = new Map();
      this.targets = new Map();
      const settings = { alpha: false, antialias: false, depth: false, powerPreference: "high-performance" };
      const gl = this.canvas.getContext("webgl2", settings);
      this.gl = gl && !gl.isContextLost() ? gl : null;
      this.supported = gl !== null;
      if (!this.gl) return;
      this.parallel = gl.getExtension("KHR_parallel_shader_compile");
      this.floats = this.options.floats !== false && gl.getExtension("EXT_color_buffer_float") !== null;
      const most = gl.getParameter(gl.MAX_FRAGMENT_UNIFORM_VECTORS);
      // Some are for the shader's other uniforms.
      this.mostUniforms = Math.min(this.options.uniforms ?? Infinity, most - 16);
      this.largest = Math.min(gl.getParameter(gl.MAX_TEXTURE_SIZE), 8192);
      gl.disable(gl.DITHER);
      gl.bindVertexArray(gl.createVertexArray());
    }

    // Whether something can be drawn now.
    get works() {
      return this.gl !== null;
    }

    // The program of a picture; compiles it in the background if need be.
    find(picture) {
      const vectors = Math.ceil(picture.parameters.length / 4);
      const kept = vectors <= this.mostUniforms;
      const source =
        HEAD +
        (kept ? `uniform vec4 parameters[${Math.max(vectors, 1)}];` : "uniform sampler2D parameters;") +
        picture.network.source({
          colour: picture.spec.colour,
          shown: picture.shown ?? null,
          ranges: picture.spec.inputs === "raw" ? [picture.spec.width - 1, picture.spec.height - 1] : [1, 1],
          parameter: (i) =>
            kept
              ? `parameters[${i >> 2}].${"xyzw"[i & 3]}`
              : `texelFetch(parameters, ivec2(${(i >> 2) & 1023}, ${i >> 12}), 0).${"xyzw"[i & 3]}`,
        }) +
        DRAW;
      return this.program(source);
    }

    program(source) {
      let found = this.programs.get(source);
      this.programs.delete(source);
      if (!found) {
        found = this.compile(source);
        for (const [old, entry] of this.programs) {
          if (this.programs.size < PROGRAMS_KEPT) break;
          this.gl.deleteProgram(entry.program);
          this.programs.delete(old);
        }
      }
      this.programs.set(source, found);
      return found;
    }

    compile(source) {
      const { gl } = this;
      const program = gl.createProgram();
      const shaders = [
        [gl.VERTEX_SHADER, VERTEX],
        [gl.FRAGMENT_SHADER, source],
      ].map(([kind, text]) => {
        const shader = gl.createShader(kind);
        gl.shaderSource(shader, text);
        gl.compileShader(shader);
        gl.attachShader(program, shader);
        return shader;
      });
      gl.linkProgram(program);
      return { program, shaders, places: null };
    }

    // Whether a program is compiled. Where compiling goes on in the background this does not wait.
    isReady(entry) {
      if (entry.places) return true;
      const { gl } = this;
      if (this.parallel && !gl.getProgramParameter(entry.program, this.parallel.COMPLETION_STATUS_KHR)) return false;
      if (!gl.getProgramParameter(entry.program, gl.LINK_STATUS)) {
        if (gl.isContextLost()) return false;
        const log = entry.shaders.map((shader) => gl.getShaderInfoLog(shader)).join("");
        throw new Error(`a shader does not compile: ${log || gl.getProgramInfoLog(entry.program)}`);
      }
      entry.shaders.forEach((shader) => gl.deleteShader(shader));
      entry.places = {};
      const count = gl.getProgramParameter(entry.program, gl.ACTIVE_UNIFORMS);
      for (let i = 0; i < count; i++) {
        const name = gl.getActiveUniform(entry.program, i).name.replace("[0]", "");
        entry.places[name] = gl.getUniformLocation(entry.program, name);
      }
      return true;
    }

    // Whether a picture can be drawn without waiting for its shader.
    prepare(picture) {
      return this.works && this.isReady(this.find(picture));
    }

    // Resolves when a picture can be drawn; never, if the context is lost before.
    async ready(picture) {
      while (!this.prepare(picture)) await new Promise((resolve) => setTimeout(resolve, 4));
    }

    // Draws a view of a picture into the lower left of this.canvas. Its shader must be ready.
    draw(picture, view) {
      const { gl } = this;
      const { spec } = picture;
      if (this.canvas.width < view.width) this.canvas.width = view.width;
      if (this.canvas.height < view.height) this.canvas.height = view.height;
      if (spec.blur > 0 && !view.sharp) {
        this.smooth(picture, view);
      } else {
        const key = `${spec.inputs} ${spec.width} ${spec.height} ${view.left} ${view.top} ${view.step} ${view.width} ${view.height}`;
        const across = () => [places.inputs(places.centres(view.left, view.step, view.width), spec.width, spec.inputs)];
        const down = () => [places.inputs(places.centres(view.top, view.step, view.height), spec.height, spec.inputs)];
        this.sample(picture, {
          columns: this.table("columns", key, view.width, gl.RG32F, across),
          rows: this.table("rows", key, view.height, gl.RG32F, down),
          size: [view.width, view.height],
          sheets: 1,
          flip: view.height,
          target: null,
          extent: [view.width, view.height],
        });
      }
    }

    smooth(picture, view) {
      const { gl } = this;
      const { spec } = picture;
      const shifts = places.SAMPLES[spec.samples];
      const key = `${spec.inputs} ${spec.width} ${spec.height} ${spec.blur} ${spec.samples} ${view.left} ${view.top} ${view.step} ${view.width} ${view.height}`;
      const plan = this.remember(`bell ${key}`, () => ({
        across: places.bell(view.left, view.step, view.width, spec.width, spec.blur, shifts.map(([x]) => x)),
        down: places.bell(view.top, view.step, view.height, spec.height, spec.blur, shifts.map(([, y]) => y)),
      }));
      const { across, down } = plan;
      const sheets = Math.ceil(Math.sqrt(shifts.length));
      const high = Math.ceil(shifts.length / sheets);
      const size = [across.count, down.count];
      const extent = [size[0] * sheets, size[1] * high];
      const samples = this.target("samples", gl.RGBA8, ...extent);
      // The picture's own samples are the same for every view of it.
      const span = `${spec.inputs} ${spec.width} ${spec.height} ${spec.samples} ${across.begin} ${across.count} ${down.begin} ${down.count}`;
      this.sample(picture, {
        columns: this.table("columns of samples", span, size[0], gl.RG32F, () =>
          shifts.map(([x]) => places.inputs(places.lattice(across.begin, across.count, x), spec.width, spec.inputs)),
        ),
        rows: this.table("rows of samples", span, size[1], gl.RG32F, () =>
          shifts.map(([, y]) => places.inputs(places.lattice(down.begin, down.count, y), spec.height, spec.inputs)),
        ),
        size,
        sheets,
        flip: 0,
        target: samples.frame,
        extent,
      });
      const weights = this.table("weights across", key, view.width, gl.R32F, () => across.weights);
      const weightsDown = this.table("weights down", key, view.height, gl.R32F, () => down.weights);
      if (!this.floats) {
        this.run(this.wait(BOTH), null, [view.width, view.height], {
          samples: samples.texture,
          weights,
          weights_down: weightsDown,
          size,
          taps: across.taps,
          taps_down: down.taps,
          sheets,
          shifts: shifts.length,
          flip: view.height,
        });
        return;
      }
      const lines = this.target("lines", gl.RGBA32F, view.width * sheets, extent[1]);
      this.run(this.wait(ACROSS), lines.frame, [view.width * sheets, extent[1]], {
        samples: samples.texture,
        weights,
        size,
        width: view.width,
        taps: across.taps,
        sheets,
      });
      this.run(this.wait(DOWN), null, [view.width, view.height], {
        lines: lines.texture,
        weights: weightsDown,
        tall: size[1],
        width: view.width,
        taps: down.taps,
        sheets,
        shifts: shifts.length,
        flip: view.height,
      });
    }

    // One of our own few programs, which are compiled once.
    wait(source) {
      const entry = this.program(source);
      const { parallel } = this;
      this.parallel = null; // so that it waits
      this.isReady(entry);
      this.parallel = parallel;
      return entry;
    }

    sample(picture, { columns, rows, size, sheets, flip, target, extent }) {
      const entry = this.find(picture);
      if (!this.isReady(entry)) throw new Error("the shader is still being compiled");
      const { gl } = this;
      const given = new Float32Array(Math.max(Math.ceil(picture.parameters.length / 4), 1) * 4);
      given.set(picture.parameters);
      const numbers = { columns, rows, size, sheets, flip };
      if (given.length / 4 > this.mostUniforms) {
        const high = Math.ceil(given.length / 4096);
        const padded = new Float32Array(4096 * high);
        padded.set(given);
        const texture = this.texture("parameters");
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, 1024, high, 0, gl.RGBA, gl.FLOAT, padded);
        numbers.parameters = texture;
      } else {
        numbers.parameters = given;
      }
      this.run(entry, target, extent, numbers);
    }

    run(entry, frame, [width, height], numbers) {
      const { gl } = this;
      gl.useProgram(entry.program);
      gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
      gl.viewport(0, 0, width, height);
      let unit = 0;
      for (const [name, value] of Object.entries(numbers)) {
        const place = entry.places[name];
        if (place === undefined) continue; // the shader does not need it
        if (value instanceof WebGLTexture) {
          gl.activeTexture(gl.TEXTURE0 + unit);
          gl.bindTexture(gl.TEXTURE_2D, value);
          gl.uniform1i(place, unit);
          unit += 1;
        } else if (value instanceof Float32Array) {
          gl.uniform4fv(place, value);
        } else if (Array.isArray(value)) {
          gl.uniform2iv(place, value);
        } else {
          gl.uniform1i(place, value);
        }
      }
      gl.enable(gl.SCISSOR_TEST);
      gl.scissor(0, 0, width, height);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    }

    // A texture of floats whose rows are the given arrays, one after another; kept while its key
    // stays the same.
    table(name, key, width, format, make) {
      const found = this.textures.get(name);
      if (found?.key === key) return found.texture;
      const { gl } = this;
      const texture = this.texture(name);
      const parts = make();
      const each = format === gl.RG32F ? 2 : 1;
      const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        whole.set(part, at);
        at += part.length;
      }
      const layout = each === 2 ? gl.RG : gl.RED;
      gl.texImage2D(gl.TEXTURE_2D, 0, format, width, whole.length / (each * width), 0, layout, gl.FLOAT, whole);
      this.textures.set(name, { texture, key });
      return texture;
    }

    remember(key, make) {
      if (this.remembered?.key !== key) this.remembered = { key, value: make() };
      return this.remembered.value;
    }

    texture(name) {
      const { gl } = this;
      let found = this.textures.get(name)?.texture;
      if (!found) {
        found = gl.createTexture();
        this.textures.set(name, { texture: found, key: null });
      }
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D, found);
      for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
      for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
      return found;
    }

    // A texture to draw to, at least of a size.
    target(name, format, width, height) {
      const { gl } = this;
      const found = this.targets.get(name);
      if (found && found.width >= width && found.height >= height) return found;
      if (Math.max(width, height) > this.largest) throw new Error(`${width} x ${height} samples are too many`);
      const made = { width: Math.max(width, found?.width ?? 0), height: Math.max(height, found?.height ?? 0) };
      made.frame = found?.frame ?? gl.createFramebuffer();
      made.texture = this.texture(`target ${name}`);
      const floats = format === gl.RGBA32F;
      gl.texImage2D(gl.TEXTURE_2D, 0, format, made.width, made.height, 0, gl.RGBA, floats ? gl.FLOAT : gl.UNSIGNED_BYTE, null);
      gl.bindFramebuffer(gl.FRAMEBUFFER, made.frame);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, made.texture, 0);
      this.targets.set(name, made);
      return made;
    }

    // Draws and copies to a 2D canvas, whose size is the view's.
    paint(picture, view, canvas) {
      this.draw(picture, view);
      if (canvas.width !== view.width) canvas.width = view.width;
      if (canvas.height !== view.height) canvas.height = view.height;
      const top = this.canvas.height - view.height;
      canvas
        .getContext("2d", { alpha: false })
        .drawImage(this.canvas, 0, top, view.width, view.height, 0, 0, view.width, view.height);
    }

    // Draws and reads back: Uint8Array of red, green and blue, row by row from the top.
    async pixels(picture, view) {
      await this.ready(picture);
      const { gl } = this;
      this.draw(picture, view);
      const { width, height } = view;
      const read = new Uint8Array(4 * width * height);
      gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, read);
      const pixels = new Uint8Array(3 * width * height);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const from = 4 * ((height - 1 - y) * width + x);
          pixels.set(read.subarray(from, from + 3), 3 * (y * width + x));
        }
      }
      return pixels;
    }
  }

  window.neatfool.Renderer = Renderer;
})();
