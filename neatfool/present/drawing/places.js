// Where the pixels of a view lie in a picture, and what is around them.
//
// Places are counted in native pixels, those of the target: the centre of the first is at 0. A view
// is {left, top, step, width, height}: an image of width x height pixels, each of which is `step`
// native pixels wide, from the native place (left, top) on. The whole picture at its native size is
// {left: 0, top: 0, step: 1, width, height}.
"use strict";
(() => {
  const TAPS = 4; // the points in a line that a pixel is made of

  const centre = (start, step, i) => start + (i + 0.5) * step - 0.5;

  // The inputs along an axis: Float32Array of [x, normalised x] for each raw place.
  function inputs(raw, native, kind) {
    const numbers = new Float32Array(2 * raw.length);
    raw.forEach((place, i) => {
      const normalised = native > 1 ? (2 * place) / (native - 1) - 1 : 0;
      numbers[2 * i] = kind === "raw" ? place : normalised;
      numbers[2 * i + 1] = normalised;
    });
    return numbers;
  }

  // How far a pixel reaches, in native pixels; half as far, if sharp.
  const reach = ({ band_limit: limit }, sharp) => (sharp ? limit / 2 : limit);

  // The points along an axis that a view's pixels are made of: their raw places, and for each pixel the
  // number of its first point, and the weights of this and the following ones. See spline.py.
  function lattice(start, step, pixels, limit) {
    const counted = centres(start, step, pixels).map((place) => (place + 0.5) / limit - 0.5);
    const places = counted.map((place) => Math.floor(place) - 1);
    const count = places[pixels - 1] + TAPS - places[0];
    const spline = (away) => (Math.max(2 - Math.abs(away), 0) ** 3 - 4 * Math.max(1 - Math.abs(away), 0) ** 3) / 6;
    return {
      raw: Array.from({ length: count }, (_, i) => (places[0] + i + 0.5) * limit - 0.5),
      first: Float32Array.from(places, (place) => place - places[0]),
      weights: Float32Array.from({ length: TAPS * pixels }, (_, i) => spline(counted[Math.floor(i / TAPS)] - places[Math.floor(i / TAPS)] - (i % TAPS))),
    };
  }

  // What x and y, and the normalised x and y, change by over a reach.
  function steps({ inputs: kind, width, height }, limit) {
    const normal = [width, height].map((native) => (native > 1 ? (2 * limit) / (native - 1) : 0));
    return Float32Array.of(...(kind === "raw" ? [limit, limit] : normal), ...normal);
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

  window.neatfool.places = { inputs, reach, lattice, steps, centres, precision };
})();
