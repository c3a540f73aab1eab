// The textures that a drawing reads from and writes to, each known by a name.
"use strict";
(() => {
  class Textures {
    constructor(gl) {
      this.gl = gl;
      this.largest = Math.min(gl.getParameter(gl.MAX_TEXTURE_SIZE), 8192);
      this.kept = new Map(); // name -> {texture, key}
      this.targets = new Map();
    }

    // A texture of one row of floats, so many a pixel: 1, 2 or 4. Kept while its key stays the same.
    table(name, key, each, make) {
      const found = this.kept.get(name);
      if (found?.key === key) return found.texture;
      const { gl } = this;
      const texture = this.texture(name);
      const numbers = make();
      const [format, layout] = { 1: [gl.R32F, gl.RED], 2: [gl.RG32F, gl.RG], 4: [gl.RGBA32F, gl.RGBA] }[each];
      gl.texImage2D(gl.TEXTURE_2D, 0, format, numbers.length / each, 1, 0, layout, gl.FLOAT, numbers);
      this.kept.set(name, { texture, key });
      return texture;
    }

    // Numbers that are too many for a shader's uniforms, four in a pixel.
    list(name, numbers) {
      const { gl } = this;
      const texture = this.texture(name);
      const high = Math.ceil(numbers.length / 4096);
      const padded = new Float32Array(4096 * high);
      padded.set(numbers);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, 1024, high, 0, gl.RGBA, gl.FLOAT, padded);
      return texture;
    }

    texture(name) {
      const { gl } = this;
      let found = this.kept.get(name)?.texture;
      if (!found) {
        found = gl.createTexture();
        this.kept.set(name, { texture: found, key: null });
      }
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D, found);
      for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
      for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
      return found;
    }

    // A texture to draw to, at least of a size: {texture, frame}.
    target(name, format, width, height) {
      const { gl } = this;
      const found = this.targets.get(name);
      if (found && found.width >= width && found.height >= height) return found;
      if (Math.max(width, height) > this.largest) throw new Error(`${width} x ${height} pixels are too many`);
      const made = { width: Math.max(width, found?.width ?? 0), height: Math.max(height, found?.height ?? 0) };
      made.frame = found?.frame ?? gl.createFramebuffer();
      made.texture = this.texture(`target ${name}`);
      const [layout, kind] = format === gl.RGBA8 ? [gl.RGBA, gl.UNSIGNED_BYTE] : [gl.RGBA_INTEGER, gl.UNSIGNED_INT];
      gl.texImage2D(gl.TEXTURE_2D, 0, format, made.width, made.height, 0, layout, kind, null);
      gl.bindFramebuffer(gl.FRAMEBUFFER, made.frame);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, made.texture, 0);
      this.targets.set(name, made);
      return made;
    }
  }

  window.neatfool.Textures = Textures;
})();
