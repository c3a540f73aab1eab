"""What people see: findings, pages and pictures.

A :class:`Finding` has numbers, and a story of blocks, which it shows on the terminal, as JSON, CSV
and a page. :func:`make_measure_command` makes a command of a function that gives one.

:func:`write_page` makes one HTML file from a template, with everything in it. A chart begins with
:func:`new_axes`; :func:`draw_figure` makes an SVG or a PNG of it, as :func:`draw_graph` does of a
network. :func:`embed_svg`, :func:`embed_png` and :func:`embed_image` put pictures into a page.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
