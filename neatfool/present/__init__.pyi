# The public names of neatfool.present, each where it is defined. This is their only list.

# Findings
from .measure_command import run_command as run_command
from .measure_command import make_measure_command as make_measure_command
from .blocks import Bars as Bars
from .blocks import Block as Block
from .blocks import Cell as Cell
from .blocks import Chart as Chart
from .finding import Facts as Facts
from .finding import FORMULAS as FORMULAS
from .finding import Finding as Finding
from .blocks import Headline as Headline
from .blocks import Note as Note
from .blocks import Panel as Panel
from .finding import Records as Records
from .blocks import Section as Section
from .blocks import Strip as Strip
from .blocks import StrongText as StrongText
from .blocks import Table as Table
from .blocks import Text as Text

# Commands, and what they say
from .output import Output as Output
from .command import FileToWrite as FileToWrite
from .command import FiniteRange as FiniteRange
from .command import FOLDER as FOLDER
from .command import Names as Names
from .command import distinct_option as distinct_option
from .command import elite_options as elite_options
from .command import option as option
from .command import overrides_option as overrides_option
from .command import trust_option as trust_option

# Files
from .finding import arrange_blocks as arrange_blocks
from .saving import fill_template as fill_template
from .saving import report_blocks as report_blocks
from .saving import save as save
from .saving import write_page as write_page
from .saving import write_report as write_report

# Pictures in a page
from .finding import PageImage as PageImage
from .finding import embed_image as embed_image
from .finding import embed_png as embed_png
from .finding import embed_svg as embed_svg

# Charts
from .charts.figure import MUTED as MUTED
from .charts.figure import SURFACE as SURFACE
from .charts.figure import TICKS as TICKS
from .charts.figure import decimal_odds as decimal_odds
from .charts.figure import label_confidences as label_confidences
from .charts.figure import label_counts as label_counts
from .charts.figure import label_ends as label_ends
from .charts.figure import mark_counts as mark_counts
from .charts.figure import new_axes as new_axes
from .charts.figure import ticks_around as ticks_around
from .charts.figure import evenly as evenly
from .charts.lines import ChartLine as ChartLine
from .charts.lines import StepCurve as StepCurve
from .charts.lines import draw_cells as draw_cells
from .charts.lines import key_of as key_of
from .charts.lines import lines_of_shares as lines_of_shares
from .charts.lines import steps as steps
from .charts.lines import short as short
from .charts.figure import LINE_COLOURS as LINE_COLOURS
from .charts.figure import draw_figure as draw_figure

# Networks
from .graph.drawing import draw_graph as draw_graph
from .graph.export import export_graph as export_graph

__all__: list[str]
