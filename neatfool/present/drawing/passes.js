// What the graphics card does to draw a view of a picture: a pass.
//
// A pass is {entry, frame, extent, numbers, work, last}: a program, what it draws to and how much of
// that, its uniforms, about how much it computes for a pixel, and the pass that follows, if any. Its
// rows can be drawn one by one.
"use strict";
(() => {
  const { places } = window.neatfool;

  // The pass that draws a view, or the points that it is made of, and those that turn these into the
  // target "picture": `last`, and its own. The picture's program must be ready.
  function plan({ gl, textures, programs }, entry, picture, view) {
    const { network, spec } = picture;
    const parameters = picture.code ?? picture.parameters;
    const reach = places.reach(spec, view.sharp);
    const end = { frame: textures.target("picture", gl.RGBA8, view.width, view.height).frame, extent: [view.width, view.height] };
    const key = [spec.inputs, spec.width, spec.height, reach, view.left, view.top, view.step, view.width, view.height].join(" ");
    const numbers = new Float32Array(Math.max(Math.ceil(parameters.length / 4), 1) * 4);
    numbers.set(parameters);
    const fits = numbers.length / 4 <= programs.uniforms;
    const table = (name, raw, native) => textures.table(name, key, 2, () => places.inputs(raw, native, spec.inputs));
    const draw = (columns, rows, target) => ({
      entry,
      ...target,
      numbers: {
        columns: table("columns", columns, spec.width),
        rows: table("rows", rows, spec.height),
        steps: places.steps(spec, reach),
        parameters: fits ? numbers : textures.list("parameters", numbers),
      },
      work: 8 * network.nodes.length + 4,
    });
    if (reach === 0) return draw(places.centres(view.left, view.step, view.width), places.centres(view.top, view.step, view.height), end);
    const across = places.lattice(view.left, view.step, view.width, reach);
    const down = places.lattice(view.top, view.step, view.height, reach);
    const extent = [across.raw.length, down.raw.length];
    const points = textures.target("points", gl.RGBA8, ...extent);
    const sums = textures.target("sums", gl.RGBA32UI, view.width, extent[1]);
    const join = (name, { first, weights }, source) => ({
      points: source.texture,
      first: textures.table(`first ${name}`, key, 1, () => first),
      weights: textures.table(`weights ${name}`, key, 4, () => weights),
    });
    const last = { ...end, entry: programs.down, numbers: join("down", down, sums) };
    const middle = { frame: sums.frame, extent: [view.width, extent[1]], entry: programs.across, numbers: join("across", across, points), last };
    return { ...draw(across.raw, down.raw, { frame: points.frame, extent }), last: middle };
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
      } else {
        gl.uniform4fv(place, value);
      }
    }
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(0, first, width, count);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  window.neatfool.passes = { plan, run };
})();
