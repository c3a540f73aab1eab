// Where a picture is sampled, and how its samples become pixels.
//
// Places are counted in native pixels, those of the target: the centre of the first is at 0. A view
// is {left, top, step, width, height}: an image of width x height pixels, each of which is `step`
// native pixels wide, from the native place (left, top) on. The whole picture at its native size is
// {left: 0, top: 0, step: 1, width, height}.
"use strict";
(() => {
  // The places of the samples in a native pixel, from its centre, by their number.
  const third = 1 / 3;
  const SAMPLES = {
    1: [[0, 0]],
    2: [[-0.25, -0.25], [0.25, 0.25]],
    4: [[-0.25, -0.25], [0.25, -0.25], [-0.25, 0.25], [0.25, 0.25]],
    9: [-third, 0, third].flatMap((y) => [-third, 0, third].map((x) => [x, y])),
  };
  // The reach of Hann's bell in standard deviations.
  const REACH = (1 / 3 - 2 / Math.PI ** 2) ** -0.5;

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

  // The samples along an axis that a row of pixels is made of, and their weights.
  //
  // Within the picture only its own samples count, as in neatfool. Pixels beyond its edges are made
  // of those that would follow there. Gives {begin, count, taps, weights}: `count` samples from
  // the native pixel `begin` on, and for each shift Float32Array [1 + taps, pixels]: the first
  // sample, counted from `begin`, and the weights.
  function bell(start, step, pixels, native, blur, shifts) {
    const reach = Math.max(REACH * Math.hypot(blur, step / Math.sqrt(12)), 1);
    const taps = Math.ceil(2 * reach);
    const first = (shift, i) => Math.floor(centre(start, step, i) - shift - reach) + 1;
    const isInside = (i) => {
      const middle = centre(start, step, i);
      return middle > -0.5 && middle < native - 0.5;
    };
    let begin = Infinity;
    let end = -Infinity;
    for (const i of [0, pixels - 1]) {
      for (const shift of shifts) {
        const own = first(shift, i);
        begin = Math.min(begin, isInside(i) ? Math.max(own, 0) : own);
        end = Math.max(end, isInside(i) ? Math.min(own + taps, native) : own + taps);
      }
    }
    const weights = shifts.map((shift) => {
      const table = new Float32Array((1 + taps) * pixels);
      for (let i = 0; i < pixels; i++) {
        const middle = centre(start, step, i);
        const own = first(shift, i);
        const inside = isInside(i);
        const row = [];
        let total = 0;
        for (let tap = 0; tap < taps; tap++) {
          const place = own + tap;
          const distance = Math.min(Math.max((place + shift - middle) / reach, -1), 1);
          const counts = !inside || (place >= 0 && place < native);
          row.push(counts ? Math.cos((Math.PI / 2) * distance) ** 2 : 0);
          total += row[tap];
        }
        table[i] = own - begin;
        for (let tap = 0; tap < taps; tap++) table[(1 + tap) * pixels + i] = row[tap] / total;
      }
      return table;
    });
    return { begin, count: end - begin, taps, weights };
  }

  // The raw places of the samples of native pixels, shifted.
  const lattice = (begin, count, shift) => Array.from({ length: count }, (_, i) => begin + i + shift);

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

  window.neatfool.places = { SAMPLES, bell, inputs, lattice, centres, precision };
})();
