// Draws CPPNs with WebGL2: one context for the whole page, and nobody waits for it.
//
// A picture is {network, parameters, spec, shown}: spec = {width, height, inputs, colour,
// band_limit} is the run's, `shown` the source whose value is drawn in place of the colours, if any.
// With `code`, network.code(spec.functions), in place of parameters one program draws all networks of
// these functions: nothing is compiled for a new one.
//
// The card works in slices. Each draws some rows, or several small drawings, as many as take the budget of
// milliseconds by what the slices before took. Nothing is asked of the card while it works: the page would wait.
"use strict";
(() => {
  const { passes, Programs, Textures } = window.neatfool;
  const BUDGET = 8; // milliseconds of a frame: the rest is for the page
  const POLL = 2; // milliseconds between two looks whether a slice is done
  const LEAST = 2e4; // of work in a slice; see `work` in passes.js
  const MOST = 1e9;
  const LOOKED_AT = 6; // drawings whose programs are asked for

  class Renderer extends EventTarget {
    // options: {uniforms: n} draws as if a shader could have so many.
    constructor(options = {}) {
      super();
      this.options = options;
      this.queue = []; // drawings, in the order in which they are wanted
      this.job = null; // the one that is drawn
      this.issued = []; // those that the card draws to the end in this slice
      this.held = 0; // until when only urgent drawings are drawn
      this.slice = 30 * LEAST;
      this.slices = []; // milliseconds that the last ones took
      this.canvas = document.createElement("canvas");
      this.canvas.addEventListener("webglcontextlost", (event) => {
        event.preventDefault();
        this.gl = null;
        this.queue.unshift(...this.issued.splice(0), ...(this.job ? [this.job] : []));
        this.job = this.fence = null;
        this.dispatchEvent(new Event("lost"));
      });
      this.canvas.addEventListener("webglcontextrestored", () => {
        this.begin();
        this.dispatchEvent(new Event("restored"));
        this.start();
      });
      this.begin();
    }

    begin() {
      const settings = { alpha: false, antialias: false, depth: false, powerPreference: "high-performance" };
      const gl = this.canvas.getContext("webgl2", settings);
      this.gl = gl && !gl.isContextLost() ? gl : null;
      this.supported = gl !== null;
      if (!this.gl) return;
      // Some are for the shader's other uniforms.
      const uniforms = Math.min(this.options.uniforms ?? Infinity, gl.getParameter(gl.MAX_FRAGMENT_UNIFORM_VECTORS) - 16);
      this.programs = new Programs(gl, { uniforms });
      this.textures = new Textures(gl);
      gl.disable(gl.DITHER);
      gl.bindVertexArray(gl.createVertexArray());
    }

    // Whether something can be drawn now.
    get works() {
      return this.gl !== null;
    }

    // Draws a view of a picture. Gives {image, cancel}: `image` resolves to an ImageData, or is
    // rejected if it cannot be drawn; it never settles after cancel(). Urgent drawings come first.
    draw(picture, view, { urgent = false } = {}) {
      const job = { picture, view, urgent };
      const image = new Promise((resolve, reject) => Object.assign(job, { resolve, reject }));
      job.cancel = () => {
        job.cancelled = true;
        this.queue = this.queue.filter((each) => each !== job);
      };
      const at = urgent ? this.queue.findIndex((each) => !each.urgent) : -1;
      this.queue.splice(at < 0 ? this.queue.length : at, 0, job);
      this.start();
      return { image, cancel: job.cancel };
    }

    // Lets scrolling go first for some milliseconds.
    hold(milliseconds) {
      this.held = performance.now() + milliseconds;
    }

    start() {
      if (this.running || !this.works) return;
      this.running = true;
      this.spent = 0;
      queueMicrotask(() => this.work());
    }

    again(milliseconds) {
      setTimeout(() => this.work(), milliseconds);
    }

    work() {
      const { gl } = this;
      this.running = this.works && (this.job !== null || this.queue.length + this.issued.length > 0);
      if (!this.running) return;
      if (this.fence && !this.isDone()) this.again(POLL);
      else if (this.spent >= BUDGET) {
        this.spent = 0;
        requestAnimationFrame(() => this.work());
      } else {
        const wait = this.drawSlice();
        if (wait === null) {
          this.fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
          gl.flush();
          this.began = performance.now();
        }
        this.again(wait ?? 0);
      }
    }

    // Whether the card is done with a slice. If so, the next one's size follows from its time.
    isDone() {
      const { gl } = this;
      if (gl.getSyncParameter(this.fence, gl.SYNC_STATUS) !== gl.SIGNALED) return false;
      gl.deleteSync(this.fence);
      this.fence = null;
      const took = Math.max(performance.now() - this.began, 0.1);
      this.spent += took;
      this.slices = [...this.slices.slice(-199), took];
      // The first slice of a program includes what the card does once for it.
      if (!this.cold && (this.full || took > BUDGET)) {
        this.slice = Math.min(Math.max(this.slice * Math.min(Math.max(BUDGET / took, 0.5), 3), LEAST), MOST);
      }
      this.issued.splice(0).forEach((job) => this.finish(job));
      return true;
    }

    // Takes the next drawing whose program is ready. Gives null, or how long to wait until there is one.
    choose() {
      if (this.job && !this.job.urgent && this.queue[0]?.urgent) this.queue.splice(1, 0, this.job);
      if (this.job?.cancelled || this.queue[1] === this.job) this.job = null;
      const held = Math.max(this.held - performance.now(), 0);
      if (this.job) return held && !this.job.urgent ? POLL + held : null;
      const seen = held ? this.queue.filter((job) => job.urgent) : this.queue.slice(0, LOOKED_AT);
      for (const job of seen) {
        try {
          const entry = this.programs.find(job.picture, job.urgent);
          if (!entry) continue;
          const pass = passes.plan(this, entry, job.picture, job.view);
          Object.assign(job, { pass, row: 0, entry });
          this.job = job;
        } catch (error) {
          job.reject(error);
        }
        this.queue = this.queue.filter((each) => each !== job);
        if (this.job) return null;
      }
      return held && seen.length === 0 ? held : 2 * POLL;
    }

    // Gives null, or how long to wait if there is nothing to draw yet.
    drawSlice() {
      this.cold = false;
      let left = this.slice;
      while (left > 0) {
        const wait = this.choose();
        if (wait !== null) {
          this.full = false;
          return left < this.slice ? null : wait;
        }
        left -= this.drawRows(left);
      }
      this.full = true;
      return null;
    }

    // Draws rows of a drawing for so much work, one at least; gives the work.
    drawRows(left) {
      const { gl, job } = this;
      const [width, height] = job.pass.extent;
      const each = width * job.pass.work;
      this.cold = !job.entry.warm;
      job.entry.warm = true;
      const rows = Math.min(Math.max(Math.floor((this.cold ? 1 : left) / each), 1), height - job.row);
      passes.run(gl, job.pass, job.row, rows);
      job.row += rows;
      if (job.row === height) {
        for (let pass = job.pass.last; pass; pass = pass.last) passes.run(gl, pass);
        this.read(job);
      }
      return this.cold ? left : rows * each;
    }

    // Asks for the pixels; they are there when the slice is done.
    read(job) {
      const { gl } = this;
      const { width, height } = job.view;
      job.buffer = gl.createBuffer();
      this.job = null;
      this.issued.push(job);
      gl.bindFramebuffer(gl.FRAMEBUFFER, this.textures.targets.get("picture").frame);
      gl.bindBuffer(gl.PIXEL_PACK_BUFFER, job.buffer);
      gl.bufferData(gl.PIXEL_PACK_BUFFER, 4 * width * height, gl.STREAM_READ);
      gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, 0);
      gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    }

    finish(job) {
      const { gl } = this;
      if (!job.cancelled) {
        const image = new ImageData(job.view.width, job.view.height);
        gl.bindBuffer(gl.PIXEL_PACK_BUFFER, job.buffer);
        gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, image.data);
        gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
        job.resolve(image);
      }
      gl.deleteBuffer(job.buffer);
    }
  }

  // Puts an image on a 2D canvas, whose size becomes the image's.
  function put(image, canvas) {
    if (canvas.width !== image.width) canvas.width = image.width;
    if (canvas.height !== image.height) canvas.height = image.height;
    canvas.getContext("2d", { alpha: false, willReadFrequently: true }).putImageData(image, 0, 0);
  }

  Object.assign(window.neatfool, { Renderer, put });
})();
