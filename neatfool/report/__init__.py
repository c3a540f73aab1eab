"""Pages and pictures: what a command shows of runs.

:func:`write_page` makes one HTML file from a template, with everything in it. A chart begins with
:func:`new_axes`; :func:`draw_figure` makes an SVG or a PNG of it, as :func:`draw_graph` does of a
network. :func:`embed_svg`, :func:`embed_png` and :func:`embed_image` put pictures into a page.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
