// Puts the page together.
"use strict";
(() => {
  const { gallery, element, counted, Renderer, Tiles, Grid, Viewer } = window.neatfool;
  const renderer = new Renderer();

  const names = [...new Set(gallery.runs.map((run) => run.name))].join(" · ");
  const title = gallery.runs.length === 1 ? gallery.runs[0].title : names;
  document.getElementById("title").replaceChildren(element("bdi", {}, title));
  document.title = `${title} · neatfool gallery`;
  document.getElementById("runs").replaceChildren(
    ...gallery.runs.map((run) =>
      element("li", {}, element("strong", {}, element("bdi", {}, run.label)), `: ${counted(run.elites.length, "image", "images")} of ${counted(run.classes, ...(run.objective ? ["niche", "niches"] : ["class", "classes"]))}, after ${counted(run.images, "image", "images")} were tried`),
    ),
  );

  const notice = document.getElementById("notice");
  function tell(text) {
    notice.textContent = text;
    notice.hidden = !text;
  }
  if (!renderer.supported) tell("This browser has no WebGL2, so you see the saved images, if they are there; the formulas cannot be drawn.");
  renderer.addEventListener("lost", () => tell("The graphics card gave up for a moment; drawing goes on when it is back."));
  renderer.addEventListener("restored", () => tell(""));

  const tiles = new Tiles(renderer);
  const grid = new Grid(tiles);
  const viewer = new Viewer(renderer, grid);
  Object.assign(window.neatfool, { renderer, tiles, grid, viewer });
})();
