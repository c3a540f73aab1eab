// The line of ancestors: from a random network to the elite, as pictures and as an animation.
"use strict";
(() => {
  const { element, gallery, put } = window.neatfool;
  const SIDE = 72;
  const PAUSE = 900; // milliseconds that an ancestor is shown
  const FRAMES = 24; // between two ancestors of one topology, whose numbers change gradually

  const isSame = (a, b) =>
    a.nodes.length === b.nodes.length &&
    a.nodes.every((node, i) => {
      const other = b.nodes[i];
      return node.activation === other.activation && String(node.sources) === String(other.sources);
    });

  class Line {
    // show(picture, step) puts an ancestor's picture on the stage; null, the elite's own.
    constructor(renderer, elite, show) {
      this.renderer = renderer;
      this.elite = elite;
      this.show = show;
      this.at = null;
      this.strip = element("ol", { class: "steps" });
      this.play = element("button", { type: "button", class: "play", on: { click: () => this.toggle() } }, "▶ Play");
      this.told = element("output", { class: "quiet", "aria-live": "off" });
      this.root = element("div", { class: "line" }, element("div", { class: "row" }, this.play, this.told), this.strip);
    }

    async load() {
      this.steps = await gallery.loadLine(this.elite);
      const items = this.steps.map((step, i) => {
        step.canvas = element("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
        step.button = element(
          "button",
          { type: "button", "aria-pressed": "false", title: step.name ?? "", on: { click: () => this.choose(i) } },
          step.canvas,
          element("span", {}, `gen. ${step.generation}`),
          element("span", { class: "quiet" }, step.sure ?? "never an elite"),
        );
        return element("li", {}, step.button);
      });
      this.strip.replaceChildren(...items);
      this.paint();
    }

    // Small pictures, one after another.
    async paint() {
      const { width, height } = this.elite.run.spec;
      const step = Math.max(width, height) / (SIDE * Math.min(devicePixelRatio, 2));
      const view = { left: 0, top: 0, step, width: Math.round(width / step), height: Math.round(height / step) };
      for (const each of this.steps) {
        if (!this.root.isConnected) return;
        await this.renderer.draw(each.picture, view).image.then((image) => put(image, each.canvas), () => {});
      }
    }

    choose(i) {
      this.stop();
      this.go(this.at === i ? null : i);
    }

    go(i) {
      this.at = i;
      this.steps.forEach((step, each) => step.button.setAttribute("aria-pressed", String(each === i)));
      const step = i === null ? null : this.steps[i];
      this.told.textContent = step ? `${i + 1} of ${this.steps.length}: generation ${step.generation}${step.name ? `, ${step.name} ${step.sure}` : ""}` : "";
      if (step) step.button.scrollIntoView({ block: "nearest", inline: "nearest" });
      this.show(step ? step.picture : null, step);
    }

    toggle() {
      if (this.timer) this.stop();
      else this.run(this.at === null || this.at === this.steps.length - 1 ? 0 : this.at);
    }

    stop() {
      clearTimeout(this.timer);
      this.timer = null;
      this.play.textContent = "▶ Play";
    }

    run(i) {
      this.play.textContent = "❚❚ Stop";
      this.go(i);
      if (i + 1 >= this.steps.length) {
        this.timer = setTimeout(() => {
          this.stop();
          this.go(null);
        }, PAUSE);
        return;
      }
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      const [from, to] = [this.steps[i].picture, this.steps[i + 1].picture];
      this.timer = setTimeout(() => (!still && isSame(from.network, to.network) ? this.blend(i, 1) : this.run(i + 1)), PAUSE);
    }

    blend(i, frame) {
      if (frame >= FRAMES) {
        this.run(i + 1);
        return;
      }
      const [from, to] = [this.steps[i].picture, this.steps[i + 1].picture];
      const parameters = from.parameters.map((value, p) => value + ((to.parameters[p] - value) * frame) / FRAMES);
      this.show({ ...to, parameters }, this.steps[i]);
      this.timer = setTimeout(() => this.blend(i, frame + 1), 30);
    }
  }

  window.neatfool.Line = Line;
})();
