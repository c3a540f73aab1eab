"use strict";
(() => {
  const gallery = document.querySelector(".gallery");
  const controls = document.querySelector(".controls");
  const nothing = document.querySelector(".nothing");
  const cards = [...gallery.children];
  const by = (key, sign) => (a, b) => sign * (a.dataset[key] - b.dataset[key]);
  // Confidences that round to 1 differ in rank.
  const sure = (sign) => (a, b) => by("confidence", sign)(a, b) || by("rank", sign)(a, b);
  const orders = {
    class: by("index", 1),
    best: sure(-1),
    worst: sure(1),
    new: by("generation", -1),
  };

  controls.hidden = cards.length < 2;
  controls.sort.addEventListener("change", () => {
    gallery.append(...cards.sort(orders[controls.sort.value]));
  });
  controls.find.addEventListener("input", () => {
    const wanted = controls.find.value.trim().toLowerCase();
    for (const card of cards) {
      card.hidden = !card.dataset.name.toLowerCase().includes(wanted);
    }
    nothing.hidden = cards.some((card) => !card.hidden);
  });
  controls.addEventListener("submit", (event) => event.preventDefault());

  const cells = [...document.querySelectorAll(".cells a")];
  const cardOf = (cell) => gallery.querySelector(`[data-index="${cell.dataset.card}"]`);
  for (const cell of cells) {
    const { src, className } = cardOf(cell).querySelector("img");
    cell.append(Object.assign(new Image(), { src, className, alt: "" }));
  }
  const place = (cell) => ["gridColumnStart", "gridRowStart"].map((side) => Number(cell.style[side]));
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  document.querySelector(".cells")?.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const from = place(event.target);
    // The nearest cell that way; empty ones lie between.
    const far = (cell) => {
      const [x, y] = place(cell).map((at, side) => at - from[side]);
      const ahead = x * step[0] + y * step[1];
      return ahead > 0 ? ahead + 3 * Math.abs(x * step[1] + y * step[0]) : Infinity;
    };
    const to = cells.reduce((best, cell) => (far(cell) < far(best) ? cell : best));
    if (far(to) === Infinity) return;
    event.target.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  });

  const closer = document.querySelector("dialog");
  if (!closer) return;
  let opened = null;
  let origin = null;

  const tellSurvival = (survived) => {
    closer.querySelector(".survives").hidden = !survived;
    if (!survived) return;
    const changes = [...closer.querySelectorAll(".changes li")].map((item) => item.textContent);
    const told = survived.split("|");
    closer.querySelectorAll(".survives span").forEach((list, lost) => {
      const those = changes.map((name, i) => `${name}: ${told[i].replace("-", "")}`);
      const text = those.filter((_, i) => told[i].startsWith("-") === Boolean(lost)).join("; ");
      list.textContent = text || "–";
    });
  };
  const show = (card) => {
    opened = card;
    const small = card.querySelector("img");
    const large = closer.querySelector("img");
    const link = card.querySelector("a");
    closer.querySelector("h3").textContent = card.dataset.name;
    closer.querySelector(".confidence").textContent = card.querySelector(".confidence").textContent;
    closer.querySelector(".told").replaceChildren(card.querySelector("template").content.cloneNode(true));
    tellSurvival(card.dataset.survived);
    large.src = small.src;
    large.alt = small.alt;
    const saves = !link.getAttribute("href").startsWith("#");
    const file = closer.querySelector(".file");
    file.hidden = !saves;
    file.href = link.href;
    if (saves) {
      // The saved PNG, if it is still beside the page.
      const saved = new Image();
      saved.addEventListener("load", () => { if (opened === card) large.src = saved.src; });
      saved.src = link.href;
    }
    closer.scrollTop = 0;
    if (!closer.open) closer.showModal();
  };
  const go = (by) => {
    const there = [...gallery.children].filter((card) => !card.hidden && card.querySelector("template"));
    const card = there[there.indexOf(opened) + by];
    if (card) show(card);
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest(".opens, .cells a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const card = link.closest(".card") || cardOf(link);
    if (!card.querySelector("template")) return;
    event.preventDefault();
    origin = link;
    show(card);
  });
  closer.addEventListener("click", (event) => {
    const name = event.target.name;
    if (name === "close" || event.target === closer) closer.close();
    if (name === "back") go(-1);
    if (name === "on") go(1);
  });
  closer.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  });
  closer.addEventListener("close", () => (origin.closest(".cells") ? origin : opened.querySelector("a")).focus());
})();
