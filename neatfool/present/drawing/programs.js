// The programs of the graphics card: compiled in the background, a few at a time, and kept.
"use strict";
(() => {
  const { shaders, sharedSource } = window.neatfool;
  const MOST_KEPT = 96;
  const LEAST_ROOM = 32; // nodes of a shared program, which doubles where they do not suffice
  const MOST_COMPILING = 4; // those that come later wait, so that none takes long

  class Programs {
    // uniforms: how many vectors a shader's parameters may take; larger networks read them from a texture.
    constructor(gl, { uniforms }) {
      this.gl = gl;
      this.uniforms = uniforms;
      this.parallel = gl.getExtension("KHR_parallel_shader_compile");
      this.kept = new Map(); // source -> entry, the longest unused first
      this.compiling = new Set();
      this.sources = new WeakMap(); // parameters -> {shown, source}: writing GLSL takes time, too
      this.across = this.compile(shaders.ACROSS);
      this.down = this.compile(shaders.DOWN);
    }

    // The program of a picture, or null if it is not compiled yet. Does not wait, but asks for it;
    // `first` does so even if others are waiting.
    find(picture, first = false) {
      const entry = this.get(this.sourceOf(picture), first);
      return entry && [entry, this.across, this.down].every((each) => this.isReady(each)) ? entry : null;
    }

    sourceOf(picture) {
      const { parameters, spec } = picture;
      if (picture.code) return this.sharedSourceOf(picture);
      const shown = picture.shown ?? null;
      const found = this.sources.get(parameters);
      if (found?.shown === shown) return found.source;
      const vectors = Math.ceil(parameters.length / 4);
      const fits = vectors <= this.uniforms;
      const source =
        shaders.HEAD +
        (fits ? `uniform vec4 parameters[${Math.max(vectors, 1)}];` : "uniform sampler2D parameters;") +
        picture.network.source({
          colour: spec.colour,
          shown,
          ranges: spec.inputs === "raw" ? [spec.width - 1, spec.height - 1] : [1, 1],
          parameter: (i) =>
            fits
              ? `parameters[${i >> 2}].${"xyzw"[i & 3]}`
              : `texelFetch(parameters, ivec2(${(i >> 2) & 1023}, ${i >> 12}), 0).${"xyzw"[i & 3]}`,
        }) +
        shaders.DRAW;
      this.sources.set(parameters, { shown, source });
      return source;
    }

    sharedSourceOf({ network, spec, code }) {
      const room = (needed, least) => 2 ** Math.ceil(Math.log2(Math.max(needed, least)));
      const { colour, functions } = spec;
      const nodes = room(network.nodes.length, LEAST_ROOM);
      const vectors = code.length / 4 <= this.uniforms ? Math.min(room(code.length / 4, 4 * LEAST_ROOM), this.uniforms) : null;
      return shaders.HEAD + sharedSource({ colour, functions, nodes, vectors, outputs: network.outputs.length }) + shaders.DRAW;
    }

    get(source, first) {
      let found = this.kept.get(source);
      if (!found) {
        for (const entry of this.compiling) if (this.isDone(entry)) this.compiling.delete(entry);
        if (this.compiling.size >= MOST_COMPILING && !first) return null;
        found = this.compile(source);
        this.compiling.add(found);
        for (const [old, entry] of this.kept) {
          if (this.kept.size < MOST_KEPT) break;
          this.gl.deleteProgram(entry.program);
          this.compiling.delete(entry);
          this.kept.delete(old);
        }
      }
      this.kept.delete(source);
      this.kept.set(source, found);
      return found;
    }

    compile(source) {
      const { gl } = this;
      const program = gl.createProgram();
      const parts = [
        [gl.VERTEX_SHADER, shaders.VERTEX],
        [gl.FRAGMENT_SHADER, source],
      ].map(([kind, text]) => {
        const shader = gl.createShader(kind);
        gl.shaderSource(shader, text);
        gl.compileShader(shader);
        gl.attachShader(program, shader);
        return shader;
      });
      gl.linkProgram(program);
      return { program, parts, places: null, warm: false };
    }

    isDone(entry) {
      return entry.places !== null || !this.parallel || this.gl.getProgramParameter(entry.program, this.parallel.COMPLETION_STATUS_KHR);
    }

    // Whether a program is compiled. Where compiling goes on in the background this does not wait.
    isReady(entry) {
      if (entry.places) return true;
      const { gl } = this;
      if (!this.isDone(entry)) return false;
      if (!gl.getProgramParameter(entry.program, gl.LINK_STATUS)) {
        if (gl.isContextLost()) return false;
        const log = entry.parts.map((shader) => gl.getShaderInfoLog(shader)).join("");
        throw new Error(`a shader does not compile: ${log || gl.getProgramInfoLog(entry.program)}`);
      }
      entry.parts.forEach((shader) => gl.deleteShader(shader));
      entry.places = {};
      const count = gl.getProgramParameter(entry.program, gl.ACTIVE_UNIFORMS);
      for (let i = 0; i < count; i++) {
        const name = gl.getActiveUniform(entry.program, i).name.replace("[0]", "");
        entry.places[name] = gl.getUniformLocation(entry.program, name);
      }
      return true;
    }
  }

  window.neatfool.Programs = Programs;
})();
