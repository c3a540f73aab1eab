// The knobs of a node: a slider for each weight, for its bias and its response.
"use strict";
(() => {
  const { element, labelOf } = window.neatfool;
  const LEAST = 10; // a knob goes at least so far to either side
  const STEPS = 400;

  const shown = (value) => (Math.abs(value) >= 100 || value === 0 ? value.toFixed(0) : value.toPrecision(3));

  function knob(label, value, change) {
    const most = Math.max(LEAST, 2 * Math.abs(value));
    const output = element("output", {}, shown(value));
    const input = element("input", { type: "range", min: -most, max: most, step: most / STEPS, "aria-label": label });
    input.value = value;
    input.addEventListener("input", () => {
      output.textContent = shown(Number(input.value));
      change(Number(input.value));
    });
    return element("label", { class: "knob" }, element("span", {}, label), input, output);
  }

  // change() is called after each turn of a knob.
  function knobs(network, source, labels, change) {
    if (source < 4) return [element("p", { class: "quiet" }, "An input has no numbers to change.")];
    const node = network.nodes[source - 4];
    const turn = (set) => (value) => {
      set(value);
      change();
    };
    const from = (each) => {
      const { short, long } = labelOf(network, each, labels);
      return short || long.split(",")[0];
    };
    return [
      ...node.sources.map((each, i) => knob(`from ${from(each)}`, node.weights[i], turn((value) => (node.weights[i] = value)))),
      knob("bias", node.bias, turn((value) => (node.bias = value))),
      knob("response", node.response, turn((value) => (node.response = value))),
    ];
  }

  window.neatfool.knobs = knobs;
})();
