// The stage: panes that show one place of a picture, from the formula and as it was saved.
//
// The view is {x, y, zoom}: the native place in the middle, and how much larger than to fit.
"use strict";
(() => {
  const { element, places, put } = window.neatfool;
  const NEAREST = 0.25;
  const FARTHEST = 1e9;
  const SLOW = 60; // milliseconds of a drawing: while the view moves, fewer pixels are drawn then
  const FAST = 20;
  const COARSEST = 8;
  const CAPTION = 30; // pixels beneath a pane
  const ROOM = 1.15; // sides of an image that a pane is high or wide at most
  const REST = 140; // milliseconds until all pixels are drawn again

  class Pane {
    constructor(title, kind) {
      this.kind = kind;
      this.canvas = element("canvas", { class: "view", role: "img" });
      this.note = element("span", { class: "pane-note" });
      this.heading = element("span", { class: "pane-title" }, title);
      this.root = element("figure", { class: `pane ${kind}` }, this.canvas, element("figcaption", {}, this.heading, this.note));
    }
  }

  class Stage extends EventTarget {
    constructor(renderer) {
      super();
      this.renderer = renderer;
      this.root = element("div", { class: "stage" });
      this.view = { x: 0, y: 0, zoom: 1 };
      this.sharp = false;
      this.panes = [];
      this.coarse = 1;
      this.pointers = new Map();
      this.changed = false;
      this.watch = new ResizeObserver(() => this.refresh());
      this.watch.observe(this.root);
      this.listen();
      renderer.addEventListener("restored", () => this.refresh());
    }

    // panes: [{title, label, spec, picture, image}], with a picture or a saved image each.
    show(panes, size) {
      this.size = size;
      for (const pane of this.panes) pane.job?.cancel();
      this.panes = panes.map((given) => Object.assign(new Pane(given.title, given.picture ? "formula" : "saved"), given));
      for (const pane of this.panes) {
        pane.canvas.setAttribute("aria-label", pane.label);
        if (pane.image) pane.image.decode().then(() => this.refresh(), () => {});
      }
      this.root.replaceChildren(...this.panes.map((pane) => pane.root));
      this.refresh();
    }

    reset() {
      this.view = { x: (this.size.width - 1) / 2, y: (this.size.height - 1) / 2, zoom: 1 };
      this.moved();
    }

    // Draws again in the next frame.
    refresh() {
      if (this.asked) return;
      this.asked = true;
      requestAnimationFrame(() => {
        this.asked = false;
        this.draw();
      });
    }

    // Draws fewer pixels while the view moves, if a drawing takes long.
    measure(took) {
      if (took > SLOW) this.coarse = Math.min(this.coarse * 2, COARSEST);
      else if (took < FAST) this.coarse = Math.max(this.coarse / 2, 1);
    }

    moved() {
      this.moving = true;
      clearTimeout(this.rest);
      this.rest = setTimeout(() => {
        this.moving = false;
        this.refresh();
        this.dispatchEvent(new Event("rested"));
      }, REST);
      this.refresh();
    }

    // Native pixels in a pixel of the page.
    scale(pane = this.panes[0]) {
      const { width, height } = pane.canvas.getBoundingClientRect();
      if (!width || !height) return null;
      return Math.max(this.size.width / width, this.size.height / height) / this.view.zoom;
    }

    // Puts the panes one beside the other or one below the other, whichever shows larger images, and
    // gives them no more room than is of use.
    arrange() {
      const { clientWidth, clientHeight } = this.root;
      const count = this.panes.length;
      const aspect = this.size.width / this.size.height;
      const high = (columns, rows) => Math.min(clientWidth / columns / aspect, clientHeight / rows - CAPTION);
      const [beside, below] = [high(count, 1), high(1, count)];
      this.root.classList.toggle("stacked", below > beside);
      const side = Math.max(beside, below) * ROOM;
      this.root.style.setProperty("--tallest", `${Math.round(side)}px`);
      this.root.style.setProperty("--widest", `${Math.round(side * aspect)}px`);
      this.root.style.setProperty("--aspect", String(aspect));
    }

    draw() {
      if (this.panes.length === 0) return;
      this.arrange();
      for (const pane of this.panes) {
        const scale = this.scale(pane);
        if (scale === null) continue;
        const box = pane.canvas.getBoundingClientRect();
        const ratio = Math.min(devicePixelRatio, 2);
        const coarse = pane.picture && this.moving ? this.coarse : 1;
        const width = Math.max(Math.round((box.width * ratio) / coarse), 1);
        const height = Math.max(Math.round((box.height * ratio) / coarse), 1);
        const step = (scale * box.width) / width;
        const view = {
          left: this.view.x + 0.5 - (step * width) / 2,
          top: this.view.y + 0.5 - (step * height) / 2,
          step,
          width,
          height,
          sharp: this.sharp,
        };
        if (pane.picture) this.drawPicture(pane, view);
        else this.drawSaved(pane, view);
      }
      this.dispatchEvent(new Event("drawn"));
    }

    // While the view moves one drawing follows another; the last one, at rest, has all pixels.
    async drawPicture(pane, view) {
      pane.note.textContent = this.noteOf(pane, view);
      pane.canvas.dataset.state = "drawing";
      if (!this.renderer.works) return;
      if (pane.job && this.moving) {
        pane.job.outdated = true;
        return;
      }
      pane.job?.cancel();
      const { moving } = this;
      const begin = performance.now();
      const job = this.renderer.draw(pane.picture, view, { urgent: true });
      pane.job = job;
      try {
        const image = await job.image;
        if (!this.panes.includes(pane)) return;
        put(image, pane.canvas);
        this.frame(pane.canvas, view, pane.spec);
        if (moving) this.measure(performance.now() - begin);
        pane.canvas.dataset.state = moving ? "moving" : "drawn";
      } catch (error) {
        pane.canvas.dataset.state = "failed";
        pane.note.textContent = `cannot be drawn: ${error.message}`;
      }
      if (pane.job === job) pane.job = null;
      if (job.outdated) this.refresh();
    }

    // Beyond its edges a formula goes on, darker; a line shows where the picture ends.
    frame(canvas, view, spec) {
      const context = canvas.getContext("2d");
      const left = -view.left / view.step;
      const top = -view.top / view.step;
      context.lineWidth = 1;
      const [width, height] = [spec.width / view.step, spec.height / view.step];
      const outside = left > 0.5 || top > 0.5 || left + width < view.width - 0.5 || top + height < view.height - 0.5;
      if (!outside) return;
      context.save();
      context.beginPath();
      context.rect(0, 0, view.width, view.height);
      context.rect(left, top, width, height);
      context.fillStyle = "rgb(0 0 0 / 62%)";
      context.fill("evenodd");
      context.strokeStyle = "rgb(128 128 128)";
      context.strokeRect(left, top, width, height);
      context.restore();
    }

    drawSaved(pane, view) {
      const { canvas, image } = pane;
      if (canvas.width !== view.width) canvas.width = view.width;
      if (canvas.height !== view.height) canvas.height = view.height;
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, view.width, view.height);
      if (!image.complete || !image.naturalWidth) return;
      // Only the part in view: canvases forget small things in enormous ones.
      const clip = (low, high, most) => [Math.max(low, 0), Math.min(high, most)];
      const [x0, x1] = clip(view.left, view.left + view.step * view.width, image.naturalWidth);
      const [y0, y1] = clip(view.top, view.top + view.step * view.height, image.naturalHeight);
      if (x1 <= x0 || y1 <= y0) return;
      context.imageSmoothingEnabled = false;
      const to = (place, start) => (place - start) / view.step;
      context.drawImage(image, x0, y0, x1 - x0, y1 - y0, to(x0, view.left), to(y0, view.top), (x1 - x0) / view.step, (y1 - y0) / view.step);
      canvas.dataset.state = "drawn";
    }

    // What one should know of what is seen.
    noteOf(pane, view) {
      if (pane.picture.spec.blur > 0 && !this.sharp) {
        return view.step < 0.1 ? "between the samples: nothing finer is in this picture; without the blur the formula goes on" : "";
      }
      const steps = places.precision(view, pane.spec);
      if (steps < 1) return "⚠ beyond single precision: neighbouring pixels have the same place";
      return steps < 16 ? "⚠ near the end of single precision" : "";
    }

    // Zooms by a factor; the place at (clientX, clientY) stays where it is.
    zoom(factor, clientX = null, clientY = null, pane = this.panes[0]) {
      const box = pane.canvas.getBoundingClientRect();
      const [dx, dy] = clientX === null ? [0, 0] : [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
      const before = this.scale(pane);
      if (before === null) return;
      const zoom = Math.min(Math.max(this.view.zoom * factor, NEAREST), FARTHEST);
      const after = (before * this.view.zoom) / zoom;
      this.view = { x: this.view.x + dx * (before - after), y: this.view.y + dy * (before - after), zoom };
      this.moved();
    }

    pan(dx, dy) {
      const scale = this.scale();
      if (scale === null) return;
      const keep = (place, most) => Math.min(Math.max(place, -0.5 - most), 2 * most);
      this.view.x = keep(this.view.x - dx * scale, this.size.width);
      this.view.y = keep(this.view.y - dy * scale, this.size.height);
      this.moved();
    }

    paneAt(target) {
      return this.panes.find((pane) => pane.canvas === target);
    }

    listen() {
      const { root, pointers } = this;
      root.addEventListener(
        "wheel",
        (event) => {
          const pane = this.paneAt(event.target);
          if (!pane) return;
          event.preventDefault();
          const lines = event.deltaMode === 1 ? 16 : 1;
          this.zoom(2 ** ((-event.deltaY * lines) / (event.ctrlKey ? 80 : 240)), event.clientX, event.clientY, pane);
        },
        { passive: false },
      );
      root.addEventListener("pointerdown", (event) => {
        if (!this.paneAt(event.target) || event.button > 0) return;
        event.target.setPointerCapture(event.pointerId);
        pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, target: event.target });
      });
      root.addEventListener("pointermove", (event) => {
        const before = pointers.get(event.pointerId);
        if (!before) return;
        const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, each]) => each);
        const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
        if (others.length === 0) {
          this.pan(dx, dy);
        } else {
          const [other] = others;
          const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
          const now = { x: event.clientX, y: event.clientY };
          this.pan(dx / 2, dy / 2);
          this.zoom(distance(now) / distance(before), (now.x + other.x) / 2, (now.y + other.y) / 2, this.paneAt(before.target));
        }
        Object.assign(before, { x: event.clientX, y: event.clientY });
      });
      for (const end of ["pointerup", "pointercancel"]) root.addEventListener(end, (event) => pointers.delete(event.pointerId));
      root.addEventListener("dblclick", (event) => {
        const pane = this.paneAt(event.target);
        if (pane) this.zoom(event.shiftKey ? 0.5 : 2, event.clientX, event.clientY, pane);
      });
    }
  }

  window.neatfool.Stage = Stage;
})();
