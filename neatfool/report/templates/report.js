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
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
  });
})();
