// What is known of an image, in words.
"use strict";
(() => {
  const { element, gallery, counted } = window.neatfool;
  const FEW = 5;

  // The elements that describe an elite.
  function factsOf(elite) {
    const fact = (name, value) => [element("dt", {}, name), element("dd", {}, value)];
    const others = gallery.elites.filter((other) => other !== elite && other.run === elite.run && other.candidate === elite.candidate);
    const names = others.slice(0, FEW).map((each) => each.name);
    return [
      element("h2", { id: "name" }, element("bdi", {}, elite.name)),
      element("p", { class: "sure" }, elite.sure, element("span", { class: "quiet" }, elite.run.objective ? ` scored by ${elite.run.target}` : ` confidence of ${elite.run.target} that it shows “${elite.name}”`)),
      element(
        "dl",
        { class: "facts" },
        ...fact("run", elite.run.label),
        ...fact("target", elite.run.target),
        ...fact(elite.run.objective ? "niche" : "class", `number ${elite.index}`),
        ...Object.entries(elite.measures ?? {}).flatMap(([name, value]) => fact(name, value)),
        ...fact("bred in", `generation ${elite.generation}`),
        ...fact("network", `${counted(elite.nodes, "node", "nodes")}, ${counted(elite.connections, "connection", "connections")}`),
        ...fact("candidate", `${elite.candidate}${elite.parents.length ? `, child of ${elite.parents.join(" and ")}` : ""}`),
        ...(others.length ? fact("also elite of", names.join(", ") + (others.length > FEW ? ", …" : "")) : []),
        ...(elite.image ? fact("file", element("a", { href: elite.image }, gallery.areSmall ? "the saved image, reduced" : "the saved image")) : []),
      ),
      ...survivalOf(elite),
    ];
  }

  // What is left of an image's confidence after each change; else how many of the run's keep their class.
  function survivalOf(elite) {
    const row = (name, ...cells) => element("tr", {}, element("th", { scope: "row" }, name), ...cells.map((cell) => element("td", {}, cell)));
    const shown = (title, rows) => [element("h3", {}, title), element("table", { class: "survival" }, ...rows)];
    if (elite.survived) {
      const rows = elite.survived.map(([what, sure, first]) => row(what, sure, first ? "✓ keeps its class" : "✗ loses its class"));
      return shown("What this image survives", rows);
    }
    const { survival } = elite.run;
    if (!survival) return [];
    const rows = survival.bars.map((bar) => row(bar.name, `${bar.kept} keep their class`));
    return shown("What this run’s images survive", rows);
  }

  window.neatfool.factsOf = factsOf;
})();
