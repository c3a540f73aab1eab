// Where the pixels of a view lie in a picture, and how far each reaches.
//
// Places are counted in native pixels, those of the target: the centre of the first is at 0. A view
// is {left, top, step, width, height}: an image of width x height pixels, each of which is `step`
// native pixels wide, from the native place (left, top) on. The whole picture at its native size is
// {left: 0, top: 0, step: 1, width, height}.
"use strict";
(() => {
  const centre = (start, step, i) => start + (i + 0.5) * step - 0.5;

  // The inputs along an axis: Float32Array of [x, square of the normalised x] for each raw place.
  function inputs(raw, native, kind) {
    const numbers = new Float32Array(2 * raw.length);
    raw.forEach((place, i) => {
      const normalised = native > 1 ? (2 * place) / (native - 1) - 1 : 0;
      numbers[2 * i] = kind === "raw" ? place : normalised;
      numbers[2 * i + 1] = normalised * normalised;
    });
    return numbers;
  }

  // The variances of the inputs within the reach of a pixel; with half of it, if sharp.
  function spreads({ inputs: kind, width, height, band_limit: limit }, sharp) {
    const reach = (sharp ? limit / 2 : limit) ** 2;
    const [across, down] = [width, height].map((native) => (2 / Math.max(native - 1, 1)) ** 2);
    const [x, y] = kind === "raw" ? [1, 1] : [across, down];
    return Float32Array.of(reach * x, reach * y, (reach * (across + down)) / 2, 0);
  }

  // The raw places of the centres of a view's pixels along an axis.
  const centres = (start, step, pixels) => Array.from({ length: pixels }, (_, i) => centre(start, step, i));

  // How many steps of single precision lie between two pixels' inputs; below 1 they are equal.
  function precision(view, spec) {
    const scaled = (raw, native) => (spec.inputs === "raw" ? Math.abs(raw) : Math.abs((2 * raw) / (native - 1) - 1));
    const largest = Math.max(
      scaled(view.left, spec.width),
      scaled(view.left + view.step * view.width, spec.width),
      scaled(view.top, spec.height),
      scaled(view.top + view.step * view.height, spec.height),
    );
    const unit = 2 ** (Math.floor(Math.log2(Math.max(largest, 1e-30))) - 23);
    const native = Math.max(spec.width, spec.height);
    const step = spec.inputs === "raw" ? view.step : (2 * view.step) / Math.max(native - 1, 1);
    return step / unit;
  }

  window.neatfool.places = { inputs, spreads, centres, precision };
})();
