// Draws tiles as they come into view, a few in each frame, all with one WebGL context.
"use strict";
(() => {
  const { gallery } = window.neatfool;
  const MOST_COMPILING = 6;
  const MILLISECONDS = 8; // of a frame: the rest is for scrolling
  const SLOW = 50; // milliseconds of a frame in which something was drawn: then scrolling goes first
  const PAUSE = 200; // milliseconds without scrolling
  const SHARPEST = 2; // pixels of a canvas in one of the page

  class Tiles {
    constructor(renderer) {
      this.renderer = renderer;
      this.wanted = new Map(); // place -> elite
      this.running = false;
      this.near = new IntersectionObserver((entries) => this.look(entries), { rootMargin: "25% 0px" });
      this.far = new IntersectionObserver((entries) => this.forget(entries), { rootMargin: "200% 0px" });
      renderer.addEventListener("restored", () => this.start());
      this.scrolled = -Infinity;
      addEventListener("scroll", () => (this.scrolled = performance.now()), { passive: true });
    }

    // Have an element drawn in whenever it is in view; it holds the saved image meanwhile.
    add(place, elite) {
      place.neatfoolElite = elite;
      this.near.observe(place);
      this.far.observe(place);
    }

    clear() {
      this.near.disconnect();
      this.far.disconnect();
      this.wanted.clear();
    }

    look(entries) {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) this.wanted.delete(target);
        else if (!target.querySelector("canvas") && target.dataset.state !== "saved") this.wanted.set(target, target.neatfoolElite);
      }
      this.start();
    }

    // A canvas that is far away only takes memory.
    forget(entries) {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) continue;
        target.querySelector("canvas")?.remove();
        if (target.dataset.state === "drawn") delete target.dataset.state;
      }
    }

    start() {
      if (this.running || !this.renderer.works) return;
      this.running = true;
      requestAnimationFrame(() => this.work());
    }

    work() {
      this.running = false;
      if (!this.renderer.works) return;
      const begin = performance.now();
      if (this.drew) this.slow = begin - this.drew > SLOW;
      this.drew = null;
      if (this.slow && begin - this.scrolled < PAUSE) {
        setTimeout(() => this.start(), PAUSE);
        return;
      }
      let compiling = 0;
      for (const [place, elite] of this.wanted) {
        if (!place.isConnected) this.wanted.delete(place);
        else if (!elite.run.spec) this.settle(place, "saved");
        else {
          try {
            place.picture = place.picture ?? gallery.peekPicture(elite);
            if (!place.picture) continue;
            if (this.renderer.prepare(place.picture)) this.draw(place, elite);
            else if (++compiling >= MOST_COMPILING) break;
          } catch {
            this.settle(place, "saved"); // the saved image stays
          }
        }
        if (performance.now() - begin > MILLISECONDS) break;
      }
      if (this.wanted.size) this.start();
    }

    draw(place, elite) {
      const { width, height } = elite.run.spec;
      const scale = Math.min(devicePixelRatio, SHARPEST);
      const step = Math.max(width, height) / Math.max(Math.round(place.clientWidth * scale), 16);
      const canvas = document.createElement("canvas");
      canvas.setAttribute("aria-hidden", "true"); // the image beneath has the words
      const view = { left: 0, top: 0, step, width: Math.round(width / step), height: Math.round(height / step) };
      this.renderer.paint(place.picture, view, canvas);
      place.append(canvas);
      this.drew = performance.now();
      this.settle(place, "drawn");
    }

    settle(place, state) {
      place.dataset.state = state;
      place.picture = null;
      this.wanted.delete(place);
    }
  }

  window.neatfool.Tiles = Tiles;
})();
