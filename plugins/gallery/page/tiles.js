// Draws tiles once they are in view and nobody scrolls; until then the saved image stands there.
"use strict";
(() => {
  const { gallery, put } = window.neatfool;
  const REST = 150; // milliseconds in view, and without scrolling
  const AHEAD = 6; // drawings that are asked for at a time
  const SHARPEST = 2; // pixels of a canvas in one of the page

  class Tiles {
    constructor(renderer) {
      this.renderer = renderer;
      this.wanted = new Map(); // place -> {elite, since, job}
      this.near = new IntersectionObserver((entries) => this.look(entries), { rootMargin: "10% 0px" });
      this.far = new IntersectionObserver((entries) => this.forget(entries), { rootMargin: "200% 0px" });
      this.scrolled = -Infinity;
      this.covered = false; // by an image that is open
      addEventListener("scroll", () => this.scroll(), { passive: true });
    }

    // Have an element drawn in whenever it is in view; it holds the saved image meanwhile.
    add(place, elite) {
      place.neatfoolElite = elite;
      this.near.observe(place);
      this.far.observe(place);
    }

    scroll() {
      this.scrolled = performance.now();
      this.renderer.hold(REST);
    }

    cover(covered) {
      this.covered = covered;
      this.start();
    }

    look(entries) {
      for (const { target, isIntersecting, time } of entries) {
        if (!isIntersecting) this.drop(target);
        else if (!target.dataset.state) this.wanted.set(target, { elite: target.neatfoolElite, since: time, job: null });
      }
      this.start();
    }

    drop(place) {
      this.wanted.get(place)?.job?.cancel();
      this.wanted.delete(place);
    }

    // A canvas that is far away only takes memory.
    forget(entries) {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting || target.dataset.state !== "drawn") continue;
        target.querySelector("canvas").remove();
        delete target.dataset.state;
      }
    }

    start(milliseconds = 0) {
      if (this.timer || this.wanted.size === 0) return;
      this.timer = setTimeout(() => this.work(), milliseconds);
    }

    // Asks for drawings. Each that is done asks for the next.
    work() {
      this.timer = null;
      if (this.covered || !this.renderer.supported) return;
      const now = performance.now();
      const rested = now - this.scrolled;
      if (rested < REST) {
        this.start(REST - rested);
        return;
      }
      let asked = 0;
      for (const [place, wish] of this.wanted) {
        if (asked >= AHEAD) return;
        asked += 1;
        if (wish.job) continue;
        if (!place.isConnected) this.drop(place);
        else if (!wish.elite.run.spec) this.settle(place, "saved");
        else if (now - wish.since < REST) {
          this.start(REST - (now - wish.since));
          return;
        } else this.ask(place, wish);
      }
    }

    async ask(place, wish) {
      wish.job = { cancel: () => (wish.gone = true) };
      try {
        const picture = await gallery.loadPicture(wish.elite);
        if (wish.gone || !place.isConnected) return;
        wish.job = this.renderer.draw(picture, viewOf(place, wish.elite.run.spec));
        const image = await wish.job.image;
        if (this.wanted.get(place) !== wish) return;
        const canvas = document.createElement("canvas");
        canvas.setAttribute("aria-hidden", "true"); // the image beneath has the words
        put(image, canvas);
        place.append(canvas);
        this.settle(place, "drawn");
      } catch {
        if (this.wanted.get(place) === wish) this.settle(place, "saved"); // the saved image stays
      }
    }

    settle(place, state) {
      place.dataset.state = state;
      this.wanted.delete(place);
      this.start();
    }
  }

  // The whole picture, with the pixels of its tile.
  function viewOf(place, { width, height }) {
    const scale = Math.min(devicePixelRatio, SHARPEST);
    const step = width / Math.max(Math.round(place.clientWidth * scale), 16);
    return { left: 0, top: 0, step, width: Math.round(width / step), height: Math.round(height / step) };
  }

  window.neatfool.Tiles = Tiles;
})();
