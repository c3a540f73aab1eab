"""A run's report page, and its graphs drawn and exported."""

from __future__ import annotations

from neatfool.report.graph.drawing import draw_graph
from neatfool.report.graph.export import export_graph
from neatfool.report.page import write_report

__all__ = ["draw_graph", "export_graph", "write_report"]
