// The runs and their elites, and the pictures that their formulas draw.
"use strict";
(() => {
  const { data, Network } = window.neatfool;
  const index = data.peek("index");

  const nameOf = (run) => `${run.name}, seed ${run.seed}`;
  const isAlone = (run) => index.runs.filter((other) => nameOf(other) === nameOf(run)).length === 1;

  const runs = index.runs.map((run, number) => ({
    ...run,
    number,
    label: isAlone(run) ? nameOf(run) : `${nameOf(run)} (${run.folder})`,
    spec: run.drawing && { width: run.width, height: run.height, ...run.drawing },
  }));

  const elites = runs.flatMap((run) =>
    run.elites.map((elite, place) => ({
      ...elite,
      run,
      place,
      png: `images/${run.number}/${encodeURIComponent(elite.file)}`,
      words: elite.name.toLowerCase(),
    })),
  );

  const find = (run, index) => elites.find((elite) => elite.run.number === run && elite.index === index);

  // The elite of the same class in another run.
  const sameClass = (elite, run) => elites.find((other) => other.run === run && other.name === elite.name);

  function picture(genome, spec, shown = null) {
    const network = new Network(genome, index.functions);
    return { network, parameters: network.parameters(), spec, shown };
  }

  const fileOf = (elite) => `${elite.run.number}/formulas-${Math.floor(elite.place / index.together)}`;

  // An elite's picture if its formula has arrived; else null, and it is asked for.
  function peekPicture(elite) {
    const formulas = data.peek(fileOf(elite));
    if (!formulas) data.load(fileOf(elite)).catch(() => {});
    return formulas ? picture(formulas[elite.index], elite.run.spec) : null;
  }

  async function loadPicture(elite) {
    const formulas = await data.load(fileOf(elite));
    return picture(formulas[elite.index], elite.run.spec);
  }

  const loadLine = (elite) => data.load(`${elite.run.number}/line-${elite.index}`);

  Object.assign(window.neatfool, {
    gallery: { runs, elites, steps: index.steps, glyphs: index.glyphs, find, sameClass, picture, peekPicture, loadPicture, loadLine },
  });
})();
