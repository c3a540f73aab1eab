// The grid: which images, in which order.
"use strict";
(() => {
  const { gallery, address, element, counted } = window.neatfool;
  const SMALL = 64; // images up to this many pixels are shown with their pixels

  const ORDERS = {
    surest: (a, b) => b.score - a.score || b.rank - a.rank,
    doubtful: (a, b) => a.score - b.score || a.rank - b.rank,
    class: (a, b) => a.index - b.index,
    name: (a, b) => a.name.localeCompare(b.name),
    newest: (a, b) => b.generation - a.generation,
    simplest: (a, b) => a.connections - b.connections,
    largest: (a, b) => b.connections - a.connections,
  };

  class Grid {
    constructor(tiles) {
      this.tiles = tiles;
      this.place = document.getElementById("grid");
      this.controls = Object.fromEntries(["find", "sort", "least", "which"].map((id) => [id, document.getElementById(id)]));
      this.items = new Map();
      this.offerRuns();
      this.offerScores();
      document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
      for (const control of Object.values(this.controls)) control.addEventListener("input", () => this.show());
      this.place.addEventListener("keydown", (event) => this.move(event));
      document.addEventListener("keydown", (event) => {
        if (event.key === "/" && !event.target.closest("input, select, dialog[open]")) {
          event.preventDefault();
          this.controls.find.focus();
        }
      });
      this.show();
    }

    offerRuns() {
      const { runs } = gallery;
      const { which } = this.controls;
      document.getElementById("which-label").hidden = runs.length < 2;
      const options = [["all", "all"], ...runs.map((run) => [String(run.number), run.label])];
      for (let a = 0; a < runs.length; a++) {
        for (let b = a + 1; b < runs.length; b++) options.push([`${a}|${b}`, `${runs[a].label} beside ${runs[b].label}`]);
      }
      which.append(...options.map(([value, text]) => element("option", { value }, text)));
      if (runs.length === 2) which.value = "0|1";
    }

    // Confidences are chosen by per cent; scores of objectives within their range, if there are no others.
    offerScores() {
      const { elites, runs } = gallery;
      const objectives = runs.filter((run) => run.objective).length;
      [this.scale, this.unit] = objectives ? [1, ""] : [100, " %"];
      if (!objectives) return;
      for (const each of document.querySelectorAll("[data-objective]")) each.textContent = each.dataset.objective;
      const { least } = this.controls;
      const scores = elites.map((elite) => elite.score);
      const [low, high] = [Math.min(...scores), Math.max(...scores)];
      least.closest("label").hidden = objectives < runs.length || low === high;
      Object.assign(least, { min: low, max: high, step: Number(((high - low) / 100).toPrecision(1)) || 1, value: low });
    }

    // What is shown: lists of elites, each list an item. Side by side a list has one of each run.
    chosen() {
      const { find, sort, least, which } = this.controls;
      const words = find.value.trim().toLowerCase();
      const pair = which.value.split("|").map(Number);
      const isPair = pair.length === 2;
      const groups = new Map();
      for (const elite of gallery.elites) {
        const number = elite.run.number;
        if (which.value !== "all" && !pair.includes(number)) continue;
        const key = isPair ? elite.name : `${number}.${elite.index}`;
        if (!groups.has(key)) groups.set(key, []);
        groups.get(key).push(elite);
      }
      const order = ORDERS[sort.value];
      return [...groups.values()]
        .filter((group) => group[0].words.includes(words) && group.some((elite) => this.scale * elite.score >= Number(least.value)))
        .sort((a, b) => order(a[0], b[0]) || a[0].index - b[0].index || a[0].run.number - b[0].run.number);
    }

    show() {
      const groups = this.chosen();
      document.getElementById("least-shown").textContent = `${Number(Number(this.controls.least.value).toPrecision(4))}${this.unit}`;
      document.getElementById("count").textContent = counted(groups.length, "image", "images");
      const isPair = this.controls.which.value.includes("|");
      this.place.classList.toggle("pairs", isPair);
      const items = groups.map((group) => this.item(group, isPair));
      this.place.replaceChildren(...items);
      this.order = groups.map((group) => group[0]);
      this.place.classList.toggle("empty", groups.length === 0);
    }

    item(group, isPair) {
      const key = group.map((elite) => `${elite.run.number}.${elite.index}`).join(" ") + (isPair ? " pair" : "");
      if (!this.items.has(key)) {
        this.items.set(key, element("li", {}, ...group.map((elite) => this.tile(elite, isPair, group))));
      }
      return this.items.get(key);
    }

    tile(elite, isPair, group) {
      const several = gallery.runs.length > 1;
      const other = isPair ? group.find((each) => each !== elite) : null;
      const href = address.write({ run: elite.run.number, index: elite.index, beside: other ? other.run.number : null });
      const { width, height } = elite.run;
      const image = elite.image && element("img", { src: elite.image, alt: "", loading: "lazy", decoding: "async", width, height });
      if (image && Math.max(width, height) <= SMALL) image.classList.add("pixels");
      const frame = element("span", { class: "frame" }, image);
      frame.style.aspectRatio = `${elite.run.width} / ${elite.run.height}`;
      this.tiles.add(frame, elite);
      return element(
        "a",
        { href, class: "tile" },
        frame,
        element("span", { class: "name" }, element("bdi", {}, elite.name)),
        element("span", { class: "sure" }, elite.sure),
        several ? element("span", { class: "of" }, element("bdi", {}, elite.run.label)) : null,
      );
    }

    // Arrows go from tile to tile, as they lie.
    move(event) {
      const links = [...this.place.querySelectorAll("a.tile")];
      const at = links.indexOf(document.activeElement);
      if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
      const top = links[at].getBoundingClientRect().top;
      const across = links.filter((link) => Math.abs(link.getBoundingClientRect().top - top) < 4).length;
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + across, ArrowUp: at - across, Home: 0, End: links.length - 1 }[event.key];
      if (to === undefined || !links[to]) return;
      event.preventDefault();
      links[to].focus();
    }

    focus(elite) {
      const at = this.order.indexOf(elite);
      if (at >= 0) this.place.children[at].querySelector("a").focus();
    }

    // The elite that follows in the order of the grid, or comes before.
    neighbour(elite, by) {
      const at = this.order.indexOf(elite);
      return at < 0 ? this.order[0] : this.order[(at + by + this.order.length) % this.order.length];
    }
  }

  window.neatfool.Grid = Grid;
})();
