// The part of the address after #: which image is open, where in it one is, and how it is drawn.
"use strict";
(() => {
  const number = (text) => (text !== null && text !== "" && Number.isFinite(Number(text)) ? Number(text) : null);

  // {run, index, x, y, zoom, sharp, node, beside}; run is null if no image is open.
  function read(hash = location.hash) {
    const given = new URLSearchParams(hash.replace(/^#/, ""));
    const [run, index] = (given.get("image") ?? "").split(".");
    const [x, y, zoom] = (given.get("at") ?? "").split(",");
    return {
      run: number(run ?? null),
      index: number(index ?? null),
      x: number(x ?? null),
      y: number(y ?? null),
      zoom: number(zoom ?? null),
      sharp: given.get("sharp") === "1",
      node: number(given.get("node")),
      beside: number(given.get("beside")),
    };
  }

  function write({ run, index, x, y, zoom, sharp, node, beside }) {
    const parts = [`image=${run}.${index}`];
    if (zoom !== null && zoom !== undefined) parts.push(`at=${[x, y, zoom].map((each) => +each.toPrecision(12)).join(",")}`);
    if (sharp) parts.push("sharp=1");
    if (node !== null && node !== undefined) parts.push(`node=${node}`);
    if (beside !== null && beside !== undefined) parts.push(`beside=${beside}`);
    return `#${parts.join("&")}`;
  }

  window.neatfool.address = { read, write };
})();
