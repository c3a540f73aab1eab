// What the graphics card does to draw a view of a picture: a list of passes.
//
// A pass is {entry, frame, extent, numbers, work}: a program, what it draws to and how much of that,
// its uniforms, and about how much it computes for a pixel. Rows of a pass can be drawn one by one.
"use strict";
(() => {
  const { places, shaders } = window.neatfool;

  // The passes that draw a view to the target "picture". The picture's program must be ready.
  function plan(renderer, entry, picture, view) {
    const { gl, textures } = renderer;
    const end = textures.target("picture", gl.RGBA8, view.width, view.height);
    return picture.spec.blur > 0 && !view.sharp ? smooth(renderer, entry, picture, view, end) : [sharp(renderer, entry, picture, view, end)];
  }

  const keyOf = (spec, view) => [spec.inputs, spec.width, spec.height, spec.blur, spec.samples, view.left, view.top, view.step, view.width, view.height].join(" ");

  function sharp({ gl, textures, programs }, entry, picture, view, end) {
    const { spec } = picture;
    const key = keyOf(spec, view);
    const across = () => [places.inputs(places.centres(view.left, view.step, view.width), spec.width, spec.inputs)];
    const down = () => [places.inputs(places.centres(view.top, view.step, view.height), spec.height, spec.inputs)];
    return sample(textures, programs, entry, picture, end.frame, [view.width, view.height], {
      columns: textures.table("columns", key, view.width, gl.RG32F, across),
      rows: textures.table("rows", key, view.height, gl.RG32F, down),
      size: [view.width, view.height],
      sheets: 1,
    });
  }

  function smooth({ gl, textures, programs, floats }, entry, picture, view, end) {
    const { spec } = picture;
    const shifts = places.SAMPLES[spec.samples];
    const across = places.bell(view.left, view.step, view.width, spec.width, spec.blur, shifts.map(([x]) => x));
    const down = places.bell(view.top, view.step, view.height, spec.height, spec.blur, shifts.map(([, y]) => y));
    const sheets = Math.ceil(Math.sqrt(shifts.length));
    const high = Math.ceil(shifts.length / sheets);
    const size = [across.count, down.count];
    const extent = [size[0] * sheets, size[1] * high];
    const samples = textures.target("samples", gl.RGBA8, ...extent);
    // The picture's own samples are the same for every view of it.
    const span = `${spec.inputs} ${spec.width} ${spec.height} ${spec.samples} ${across.begin} ${across.count} ${down.begin} ${down.count}`;
    const first = sample(textures, programs, entry, picture, samples.frame, extent, {
      columns: textures.table("columns of samples", span, size[0], gl.RG32F, () =>
        shifts.map(([x]) => places.inputs(places.lattice(across.begin, across.count, x), spec.width, spec.inputs)),
      ),
      rows: textures.table("rows of samples", span, size[1], gl.RG32F, () =>
        shifts.map(([, y]) => places.inputs(places.lattice(down.begin, down.count, y), spec.height, spec.inputs)),
      ),
      size,
      sheets,
    });
    const key = keyOf(spec, view);
    const weights = textures.table("weights across", key, view.width, gl.R32F, () => across.weights);
    const weightsDown = textures.table("weights down", key, view.height, gl.R32F, () => down.weights);
    const whole = { frame: end.frame, extent: [view.width, view.height] };
    if (!floats) {
      const numbers = { samples: samples.texture, weights, weights_down: weightsDown, size, taps: across.taps, taps_down: down.taps, sheets, shifts: shifts.length };
      return [first, { ...whole, entry: programs.own(shaders.BOTH), numbers, work: across.taps * down.taps * shifts.length }];
    }
    const lines = textures.target("lines", gl.RGBA32F, view.width * sheets, extent[1]);
    return [
      first,
      {
        entry: programs.own(shaders.ACROSS),
        frame: lines.frame,
        extent: [view.width * sheets, extent[1]],
        numbers: { samples: samples.texture, weights, size, width: view.width, taps: across.taps, sheets },
        work: across.taps,
      },
      {
        ...whole,
        entry: programs.own(shaders.DOWN),
        numbers: { lines: lines.texture, weights: weightsDown, tall: size[1], width: view.width, taps: down.taps, sheets, shifts: shifts.length },
        work: down.taps * shifts.length,
      },
    ];
  }

  // The pass that asks the network for its colours.
  function sample(textures, programs, entry, picture, frame, extent, given) {
    const { parameters, network } = picture;
    const numbers = new Float32Array(Math.max(Math.ceil(parameters.length / 4), 1) * 4);
    numbers.set(parameters);
    const fits = numbers.length / 4 <= programs.uniforms;
    return {
      entry,
      frame,
      extent,
      numbers: { ...given, parameters: fits ? numbers : textures.list("parameters", numbers) },
      work: 4 * network.nodes.length + 4,
    };
  }

  // Draws some rows of a pass.
  function run(gl, { entry, frame, extent: [width, height], numbers }, first = 0, count = height) {
    gl.useProgram(entry.program);
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
    gl.viewport(0, 0, width, height);
    let unit = 0;
    for (const [name, value] of Object.entries(numbers)) {
      const place = entry.places[name];
      if (place === undefined) continue; // the shader does not need it
      if (value instanceof WebGLTexture) {
        gl.activeTexture(gl.TEXTURE0 + unit);
        gl.bindTexture(gl.TEXTURE_2D, value);
        gl.uniform1i(place, unit);
        unit += 1;
      } else if (value instanceof Float32Array) {
        gl.uniform4fv(place, value);
      } else if (Array.isArray(value)) {
        gl.uniform2iv(place, value);
      } else {
        gl.uniform1i(place, value);
      }
    }
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(0, first, width, count);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  window.neatfool.passes = { plan, run };
})();
