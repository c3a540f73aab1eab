// What the graphics card does to draw a view of a picture: a pass.
//
// A pass is {entry, frame, extent, numbers, work}: a program, what it draws to and how much of that,
// its uniforms, and about how much it computes for a pixel. Its rows can be drawn one by one.
"use strict";
(() => {
  const { places } = window.neatfool;

  // The pass that draws a view to the target "picture". The picture's program must be ready.
  function plan({ gl, textures, programs }, entry, picture, view) {
    const { parameters, network, spec } = picture;
    const { frame } = textures.target("picture", gl.RGBA8, view.width, view.height);
    const reach = places.reach(spec, view.sharp);
    const bell = places.bell(reach);
    const key = [spec.inputs, spec.width, spec.height, reach, view.left, view.top, view.step, view.width, view.height].join(" ");
    const table = (name, start, pixels, native) =>
      textures.table(name, key, pixels, gl.RG32F, () =>
        bell.map((place) => places.inputs(places.centres(start + place, view.step, pixels), native, spec.inputs)),
      );
    const numbers = new Float32Array(Math.max(Math.ceil(parameters.length / 4), 1) * 4);
    numbers.set(parameters);
    const fits = numbers.length / 4 <= programs.uniforms;
    return {
      entry,
      frame,
      extent: [view.width, view.height],
      numbers: {
        columns: table("columns", view.left, view.width, spec.width),
        rows: table("rows", view.top, view.height, spec.height),
        steps: places.steps(spec, reach),
        parameters: fits ? numbers : textures.list("parameters", numbers),
      },
      work: (8 * network.nodes.length + 4) * bell.length ** 2,
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
