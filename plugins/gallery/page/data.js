// Data that comes as scripts, as a page from disk may load nothing else. Each file calls `put`.
"use strict";
(() => {
  const arrived = new Map();
  const waiting = new Map();

  function put(name, value) {
    arrived.set(name, value);
    waiting.get(name)?.resolve(value);
  }

  // The value of data/NAME.js, as a promise; it is loaded once.
  function load(name) {
    if (!waiting.has(name)) {
      const entry = {};
      entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
      waiting.set(name, entry);
      if (arrived.has(name)) {
        entry.resolve(arrived.get(name));
      } else {
        const script = document.createElement("script");
        script.src = `data/${name}.js`;
        script.addEventListener("load", () => script.remove());
        script.addEventListener("error", () => {
          script.remove();
          waiting.delete(name);
          entry.reject(new Error(`data/${name}.js is not there`));
        });
        document.head.append(script);
      }
    }
    return waiting.get(name).promise;
  }

  // What has arrived by now, or undefined.
  const peek = (name) => arrived.get(name);

  window.neatfool = window.neatfool || {};
  window.neatfool.data = { put, load, peek };
})();
