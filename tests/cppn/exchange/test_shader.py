"""Pictures of networks as fragment shaders, drawn by a browser."""

import base64
import json

import numpy as np
import pytest
from random_pictures import (
    NATIVE,
    SIZES,
    picture_of_function,
    random_picture,
    render,
    share_that_differs,
)

from neatfool.cppn.activations import ACTIVATIONS
from neatfool.cppn.exchange.shader import to_glsl

DRAW = """
(() => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
  const program = gl.createProgram();
  const vertex = `#version 300 es
    void main() {
      gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
    }`;
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw Error(gl.getProgramInfoLog(program));
  gl.useProgram(program);
  gl.disable(gl.DITHER);
  gl.uniform3f(gl.getUniformLocation(program, "iResolution"), WIDTH, HEIGHT, 1);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  const pixels = new Uint8Array(4 * WIDTH * HEIGHT);
  gl.readPixels(0, 0, WIDTH, HEIGHT, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return btoa(String.fromCharCode(...pixels));
})()
"""

# What Shadertoy puts around a shader.
SHADERTOY = """#version 300 es
#define HW_PERFORMANCE 1
precision highp float;
uniform vec3 iResolution;
void mainImage(out vec4 c, in vec2 f);
out vec4 colour_on_screen;
void main() { mainImage(colour_on_screen, gl_FragCoord.xy); }
"""


def draw(browser, shader, size=NATIVE, head="#version 300 es\n"):
    """Give uint8 [3, H, W]."""
    height, width = size
    script = DRAW.replace("FRAGMENT]", f"{json.dumps(head + shader)}]")
    script = script.replace("WIDTH", str(width)).replace("HEIGHT", str(height))
    pixels = np.frombuffer(base64.b64decode(browser.do(script)), np.uint8)
    return pixels.reshape(height, width, 4)[::-1, :, :3].transpose(2, 0, 1)


@pytest.mark.browser
@pytest.mark.parametrize("number", range(len(ACTIVATIONS)))
def test_each_function_is_drawn_as_it_is_rendered(browser, number):
    picture = picture_of_function(number)
    image = draw(browser, to_glsl(picture))
    assert share_that_differs([image], [render(picture)]) <= 0.01


@pytest.mark.browser
def test_random_networks_of_any_look_and_size_are_drawn_as_they_are_rendered(browser):
    pictures = [(random_picture(number), SIZES[number % 3]) for number in range(24)]
    drawn = [draw(browser, to_glsl(picture), size) for picture, size in pictures]
    assert share_that_differs(drawn, [render(*each) for each in pictures]) <= 0.01


@pytest.mark.browser
def test_shadertoy_draws_it_as_it_is(browser):
    picture = random_picture(7)
    image = draw(browser, to_glsl(picture), head=SHADERTOY)
    assert share_that_differs([image], [render(picture)]) <= 0.01


@pytest.mark.browser
def test_on_a_broader_canvas_it_stands_in_the_middle(browser):
    picture = random_picture(7)
    image = draw(browser, to_glsl(picture), (24, 52))
    assert share_that_differs([image[..., 10:42]], [render(picture)]) <= 0.01
    assert image[..., :10].max() == image[..., 42:].max() == 0


@pytest.mark.parametrize("title", ["a\nvoid", "school bus \\", "žirafa\r\x00", ""])
def test_a_title_stays_in_its_comment(title):
    first, second, *_ = to_glsl(random_picture(1), title=title).split("\n")
    assert first.startswith("// ")
    assert second == "//"
    assert first.isascii()
    assert first.isprintable()
    assert not first.endswith("\\")


def test_its_head_says_where_it_comes_from_and_under_which_licence():
    shader = to_glsl(random_picture(1), title="school bus")
    assert shader.startswith("// school bus\n")
    assert "SPDX-License-Identifier: Apache-2.0" in shader
