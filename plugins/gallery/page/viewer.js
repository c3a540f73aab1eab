// An image in the whole window: the stage, and beside it all that is known of the image.
"use strict";
(() => {
  const { gallery, address, element, factsOf, Stage, Graph, Line, knobs, labelOf } = window.neatfool;
  const PAN = 60; // pixels that an arrow moves the view by
  const ZOOM = 1.5;

  class Viewer {
    constructor(renderer, grid) {
      this.renderer = renderer;
      this.grid = grid;
      this.dialog = document.getElementById("viewer");
      this.stage = new Stage(renderer);
      this.elite = null;
      this.build();
      this.dialog.addEventListener("keydown", (event) => this.press(event));
      this.dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        this.leave();
      });
      this.stage.addEventListener("rested", () => this.note());
      this.stage.addEventListener("drawn", () => this.sayZoom());
      for (const change of ["hashchange", "popstate"]) addEventListener(change, () => this.follow());
      this.follow();
    }

    build() {
      const button = (words, act, attributes = {}) => element("button", { type: "button", on: { click: act }, ...attributes }, words);
      this.sharp = element("input", { type: "checkbox", id: "sharp", on: { change: () => this.setSharp(this.sharp.checked) } });
      this.sharpLabel = element("label", { class: "check" }, this.sharp, "without the blur");
      this.saved = element("input", { type: "checkbox", id: "saved", checked: true, on: { change: () => this.setPanes() } });
      this.beside = element("select", { id: "beside", "aria-label": "Beside it", on: { change: () => this.setBeside() } });
      this.zoomTold = element("output", { class: "zoom" });
      this.bar = element(
        "div",
        { class: "bar" },
        button("←", () => this.step(-1), { "aria-label": "Previous image" }),
        button("→", () => this.step(1), { "aria-label": "Next image" }),
        button("−", () => this.stage.zoom(1 / ZOOM), { "aria-label": "Zoom out" }),
        this.zoomTold,
        button("+", () => this.stage.zoom(ZOOM), { "aria-label": "Zoom in" }),
        button("Fit", () => this.stage.reset()),
        this.sharpLabel,
        (this.savedLabel = element("label", { class: "check" }, this.saved, "saved pixels")),
        this.beside,
        button("Close", () => this.leave(), { class: "close" }),
      );
      this.panel = element("div", { class: "panel" });
      this.dialog.replaceChildren(this.bar, element("div", { class: "body" }, this.stage.root, this.panel));
    }

    // Goes where the address says.
    follow() {
      const wanted = address.read();
      const elite = wanted.run === null ? null : gallery.find(wanted.run, wanted.index);
      if (!elite) this.close();
      else if (location.hash !== this.written) {
        this.written = location.hash; // a browser may tell twice
        this.open(elite, wanted);
      }
    }

    async open(elite, wanted) {
      this.elite = elite;
      this.picture = null;
      this.node = null;
      this.line?.stop();
      this.ancestor = null;
      this.other = wanted.beside === null || wanted.beside === elite.run.number ? null : wanted.beside;
      if (!this.dialog.open) this.dialog.showModal();
      this.grid.tiles.cover(true);
      document.title = `${elite.name} · ${elite.run.label} · neatfool`;
      this.stage.size = { width: elite.run.width, height: elite.run.height };
      this.stage.sharp = wanted.sharp;
      this.sharp.checked = wanted.sharp;
      const spec = elite.run.spec;
      this.savedLabel.hidden = !elite.image;
      this.sharpLabel.hidden = !(spec && spec.blur > 0) || !this.renderer.supported;
      this.offerBeside();
      this.describe();
      const drawable = spec && this.renderer.supported;
      const [picture, otherPicture] = await Promise.all([
        spec ? gallery.loadPicture(elite).catch(() => null) : null,
        this.loadOther(),
      ]);
      if (this.elite !== elite) return;
      this.picture = picture;
      this.otherPicture = otherPicture;
      this.drawable = Boolean(drawable && picture);
      this.setPanes();
      if (wanted.zoom === null) this.stage.reset();
      else this.stage.view = { x: wanted.x, y: wanted.y, zoom: wanted.zoom };
      this.stage.refresh();
      if (picture) this.describeNetwork(wanted.node);
    }

    loadOther() {
      const elite = this.other === null ? null : gallery.sameClass(this.elite, gallery.runs[this.other]);
      this.otherElite = elite;
      return elite && elite.run.spec && this.renderer.supported ? gallery.loadPicture(elite).catch(() => null) : null;
    }

    offerBeside() {
      const others = gallery.runs.filter((run) => run !== this.elite.run && gallery.sameClass(this.elite, run));
      this.beside.hidden = others.length === 0;
      this.beside.replaceChildren(
        element("option", { value: "" }, "no other run beside"),
        ...others.map((run) => element("option", { value: run.number }, `beside: ${run.label}`)),
      );
      this.beside.value = this.other === null ? "" : String(this.other);
    }

    async setBeside() {
      this.other = this.beside.value === "" ? null : Number(this.beside.value);
      this.otherPicture = await this.loadOther();
      this.setPanes();
      this.note();
    }

    setSharp(sharp) {
      this.sharp.checked = sharp;
      this.stage.sharp = sharp;
      this.stage.refresh();
      this.note();
    }

    setPanes() {
      const { elite } = this;
      const saved = (of, title) => {
        const image = new Image();
        image.src = of.image ?? "data:,";
        return { title: gallery.areSmall ? `${title}, reduced` : title, label: `${of.name}, the saved image`, spec: of.run, image };
      };
      const formula = (of, picture, title) => ({ title, label: `${of.name}, drawn from its formula`, spec: of.run.spec, picture });
      const panes = [];
      if (this.drawable) panes.push(formula(elite, this.shownPicture(), this.paneTitle()));
      if (!this.drawable || (this.saved.checked && elite.image && !this.otherElite)) panes.push(saved(elite, "as saved"));
      if (this.otherElite) {
        const title = `${this.otherElite.run.label}: ${this.otherElite.sure}`;
        panes.push(this.otherPicture ? formula(this.otherElite, this.otherPicture, title) : saved(this.otherElite, title));
      }
      this.stage.show(panes, { width: elite.run.width, height: elite.run.height });
    }

    shownPicture() {
      const picture = this.ancestor?.picture ?? this.picture;
      return this.node === null || this.whole || this.ancestor ? picture : { ...picture, shown: this.node };
    }

    paneTitle() {
      if (this.ancestor) return `an ancestor, generation ${this.ancestor.step.generation}`;
      if (this.node !== null && !this.whole) return `what ${labelOf(this.picture.network, this.node, this.elite.run.spec.labels).long.split(",")[0]} draws`;
      const changed = this.changed ? ", changed" : "";
      return this.otherElite ? `${this.elite.run.label}: ${this.elite.sure}${changed}` : `from the formula${changed}`;
    }

    // Draws the formula's pane again, with another picture perhaps, which may change again at once.
    update(moves = false) {
      const [pane] = this.stage.panes;
      if (!pane?.picture) return;
      pane.picture = this.shownPicture();
      pane.heading.textContent = this.paneTitle();
      if (moves) this.stage.moved();
      else this.stage.refresh();
    }

    describe() {
      this.panel.replaceChildren(...factsOf(this.elite));
      this.panel.scrollTop = 0;
    }

    describeNetwork(node) {
      const { elite, picture } = this;
      const { labels } = elite.run.spec;
      this.changed = false;
      this.whole = false;
      this.original = picture.parameters.slice();
      this.graph = new Graph(picture.network, labels, (source) => this.chooseNode(source === this.node ? null : source));
      this.nodePlace = element("div", { class: "node-place" });
      this.panel.append(
        element("h3", {}, "Its network"),
        element("p", { class: "quiet" }, "Choose a node to see what it draws, and to change its numbers. Thick lines are large weights, dashed ones negative. Zoom with the wheel, and drag."),
        this.graph.root,
        this.nodePlace,
      );
      this.chooseNode(node !== null && this.graph.nodes.has(node) ? node : null);
      this.line = null;
      if (gallery.steps && this.renderer.supported) {
        this.line = new Line(this.renderer, elite, (shown, step) => {
          this.ancestor = shown && { picture: shown, step };
          this.update(true);
        });
        this.panel.append(element("h3", {}, "Its line of ancestors"), this.line.root);
        this.line.load().catch(() => this.line.root.replaceChildren("Its ancestors cannot be read."));
      }
    }

    chooseNode(source) {
      this.node = source;
      this.graph.mark(source);
      if (source === null) {
        this.whole = false;
        this.nodePlace.replaceChildren();
      } else {
        const { labels } = this.elite.run.spec;
        const whole = element("input", { type: "checkbox", on: { change: () => this.setWhole(whole.checked) } });
        whole.checked = Boolean(this.whole);
        this.nodePlace.replaceChildren(
          element("h4", {}, labelOf(this.picture.network, source, labels).long),
          element("div", { class: "row" }, element("label", { class: "check" }, whole, "show the whole picture"), element("button", { type: "button", on: { click: () => this.undo() } }, "Undo changes")),
          ...knobs(this.picture.network, source, labels, () => this.turned()),
        );
      }
      this.line?.stop();
      if (this.ancestor) this.line?.go(null);
      this.update();
      this.note();
    }

    setWhole(whole) {
      this.whole = whole;
      this.update();
    }

    turned() {
      this.picture.parameters = this.picture.network.parameters();
      this.changed = this.picture.parameters.some((value, i) => value !== this.original[i]);
      this.graph.weigh();
      this.update(true);
    }

    async undo() {
      const fresh = await gallery.loadPicture(this.elite);
      this.picture.network.nodes.forEach((node, i) => Object.assign(node, fresh.network.nodes[i]));
      this.turned();
      this.chooseNode(this.node);
    }

    sayZoom() {
      const { zoom } = this.stage.view;
      this.zoomTold.textContent = `${zoom >= 100 ? Math.round(zoom).toLocaleString("en") : zoom.toPrecision(3)}×`;
    }

    // Writes where one is into the address.
    note() {
      if (!this.dialog.open || !this.elite) return;
      const { x, y, zoom } = this.stage.view;
      const place = zoom === 1 ? {} : { x, y, zoom };
      this.written = address.write({ run: this.elite.run.number, index: this.elite.index, ...place, sharp: this.stage.sharp, node: this.node, beside: this.other });
      history.replaceState(null, "", this.written);
    }

    step(by) {
      const next = this.grid.neighbour(this.elite, by);
      history.pushState(null, "", address.write({ run: next.run.number, index: next.index, sharp: this.stage.sharp, beside: this.other }));
      this.follow();
    }

    leave() {
      history.pushState(null, "", location.pathname + location.search);
      this.close();
    }

    close() {
      this.line?.stop();
      this.written = null;
      const { elite } = this;
      this.elite = null;
      if (!this.dialog.open) return;
      this.dialog.close();
      this.grid.tiles.cover(false);
      document.title = "Gallery · neatfool";
      this.grid.focus(elite);
    }

    press(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const { target, key } = event;
      if (key === "Escape") {
        event.preventDefault();
        this.leave();
        return;
      }
      if (target.closest("input[type=range], select")) return;
      const acts = {
        "+": () => this.stage.zoom(ZOOM),
        "=": () => this.stage.zoom(ZOOM),
        "-": () => this.stage.zoom(1 / ZOOM),
        0: () => this.stage.reset(),
        ArrowLeft: () => this.stage.pan(PAN, 0),
        ArrowRight: () => this.stage.pan(-PAN, 0),
        ArrowUp: () => this.stage.pan(0, PAN),
        ArrowDown: () => this.stage.pan(0, -PAN),
        n: () => this.step(1),
        p: () => this.step(-1),
        s: () => !this.sharpLabel.hidden && this.setSharp(!this.stage.sharp),
        b: () => {
          this.saved.checked = !this.saved.checked;
          this.setPanes();
        },
        a: () => this.line?.toggle(),
      };
      if (!acts[key] || (key.startsWith("Arrow") && target.closest(".scroll, .panel"))) return;
      event.preventDefault();
      acts[key]();
    }
  }

  window.neatfool.Viewer = Viewer;
})();
