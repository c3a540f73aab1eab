// The runs and their elites, and the pictures that their formulas draw.
"use strict";
(() => {
  const { data, Network } = window.neatfool;
  const index = data.peek("index");

  const nameOf = (run) => `${run.name} (seed ${run.seed})`;
  const isAlone = (run) => index.runs.filter((other) => nameOf(other) === nameOf(run)).length === 1;

  const runs = index.runs.map((run, number) => ({
    ...run,
    number,
    label: isAlone(run) ? nameOf(run) : `${nameOf(run)} in ${run.folder}`,
    spec: run.drawing && { width: run.width, height: run.height, ...run.drawing },
  }));

  const elites = runs.flatMap((run) =>
    run.elites.map((elite, place) => ({
      ...elite,
      run,
      place,
      image: elite.file ? `images/${run.number}/${encodeURIComponent(elite.file)}` : null,
      words: elite.name.toLowerCase(),
    })),
  );

  const find = (run, index) => elites.find((elite) => elite.run.number === run && elite.index === index);

  // The elite of the same class in another run.
  const sameClass = (elite, run) => elites.find((other) => other.run === run && other.name === elite.name);

  function picture(genome, spec, shown = null) {
    const network = new Network(genome, index.activations);
    return { network, parameters: network.parameters(), spec, shown };
  }

  // The network of a number: {n, o, generation, name, sure, line}; see network.js.
  async function loadNetwork(run, number) {
    const part = await data.load(`${run.number}/networks-${Math.floor(number / index.together)}`);
    return part[number % index.together];
  }

  const loadPicture = async (elite) => picture(await loadNetwork(elite.run, elite.network), elite.run.spec);

  // An elite's ancestors and itself: [{generation, name, sure, picture}, ...].
  async function loadLine(elite) {
    const { line } = await loadNetwork(elite.run, elite.network);
    const steps = await Promise.all(line.map((number) => loadNetwork(elite.run, number)));
    return steps.map((step) => ({ ...step, picture: picture(step, elite.run.spec) }));
  }

  Object.assign(window.neatfool, {
    gallery: { runs, elites, steps: index.steps, areSmall: index.images === "small", glyphs: index.glyphs, find, sameClass, loadPicture, loadLine },
  });
})();
