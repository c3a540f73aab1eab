# The public names of neatfool.report, each where it is defined. This is their only list.

# Files
from .saving import save as save
from .saving import write_page as write_page
from .saving import write_report as write_report

# Pictures in a page
from .pictures import Picture as Picture
from .pictures import embed_image as embed_image
from .pictures import embed_png as embed_png
from .pictures import embed_svg as embed_svg

# Charts
from .charts.axes import decimal_odds as decimal_odds
from .charts.axes import label_confidences as label_confidences
from .charts.axes import label_counts as label_counts
from .charts.axes import label_ends as label_ends
from .charts.axes import new_axes as new_axes
from .charts.figure import LINE_COLOURS as LINE_COLOURS
from .charts.figure import draw_figure as draw_figure

# Networks
from .graph.drawing import draw_graph as draw_graph
from .graph.export import export_graph as export_graph

__all__: list[str]
