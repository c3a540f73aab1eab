// A window on a drawing that is larger than its place: it opens on the whole, and zooms and moves.
"use strict";
(() => {
  const { element } = window.neatfool;
  const ZOOM = 1.5;
  const MOVED = 4; // pixels that make a click a drag

  class Window {
    // svg: the drawing, of width x height units. largest: the pixels of a unit at most.
    constructor(svg, width, height, largest) {
      Object.assign(this, { svg, width, height, largest });
      const button = (words, label, act) => element("button", { type: "button", "aria-label": label, on: { click: act } }, words);
      this.buttons = element(
        "div",
        { class: "window-buttons" },
        button("−", "Make the network smaller", () => this.zoom(1 / ZOOM)),
        button("Fit", "Fit: show the whole network", () => this.fit()),
        button("+", "Make the network larger", () => this.zoom(ZOOM)),
      );
      this.listen();
      this.fit();
    }

    fit() {
      this.look({ x: 0, y: 0, scale: 1 });
    }

    // Shows width / scale x height / scale units from (x, y) on, but nothing beyond the drawing.
    look({ x, y, scale }) {
      const [width, height] = [this.width / scale, this.height / scale];
      const keep = (place, most) => Math.min(Math.max(place, 0), Math.max(most, 0));
      this.view = { x: keep(x, this.width - width), y: keep(y, this.height - height), scale };
      this.svg.setAttribute("viewBox", `${this.view.x} ${this.view.y} ${width} ${height}`);
      this.svg.classList.toggle("zoomed", scale > 1);
    }

    // Units in a pixel of the page.
    get unit() {
      const box = this.svg.getBoundingClientRect();
      return Math.max(this.width / box.width, this.height / box.height) / this.view.scale;
    }

    // Zooms about a place of the page, the middle if none is given. Gives whether anything changed.
    zoom(factor, clientX = null, clientY = null) {
      const most = Math.max(this.largest * this.unit * this.view.scale, 1);
      const scale = Math.min(Math.max(this.view.scale * factor, 1), most);
      if (scale === this.view.scale) return false;
      const box = this.svg.getBoundingClientRect();
      const across = clientX === null ? 0.5 : (clientX - box.left) / box.width;
      const down = clientY === null ? 0.5 : (clientY - box.top) / box.height;
      const less = 1 / this.view.scale - 1 / scale;
      this.look({ x: this.view.x + across * this.width * less, y: this.view.y + down * this.height * less, scale });
      return true;
    }

    listen() {
      const { svg } = this;
      svg.addEventListener(
        "wheel",
        (event) => {
          // At its ends the wheel scrolls the page again.
          if (this.zoom(2 ** (-event.deltaY / 240), event.clientX, event.clientY)) event.preventDefault();
        },
        { passive: false },
      );
      let from = null;
      svg.addEventListener("pointerdown", (event) => {
        if (this.view.scale > 1 && event.button === 0) from = { x: event.clientX, y: event.clientY, view: this.view, moved: false };
      });
      svg.addEventListener("pointermove", (event) => {
        if (!from) return;
        const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
        if (!from.moved && Math.hypot(dx, dy) < MOVED) return;
        if (!from.moved) svg.setPointerCapture(event.pointerId);
        from.moved = true;
        this.look({ ...from.view, x: from.view.x - dx * this.unit, y: from.view.y - dy * this.unit });
      });
      for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (from = null));
      svg.addEventListener("focusin", (event) => this.reveal(event.target));
    }

    // Moves to a node that the keyboard came to.
    reveal(node) {
      if (!node.matches(":focus-visible")) return;
      const [own, box] = [node.getBoundingClientRect(), this.svg.getBoundingClientRect()];
      if (own.left >= box.left && own.right <= box.right && own.top >= box.top && own.bottom <= box.bottom) return;
      const middle = (low, high) => (low + high) / 2;
      const dx = middle(own.left, own.right) - middle(box.left, box.right);
      const dy = middle(own.top, own.bottom) - middle(box.top, box.bottom);
      this.look({ ...this.view, x: this.view.x + dx * this.unit, y: this.view.y + dy * this.unit });
    }
  }

  window.neatfool.Window = Window;
})();
