# The public names of neatfool.present, each where it is defined. This is their only list.

# Findings
from .measure_command import run_command as run_command
from .measure_command import make_command as make_command
from .measure_command import make_measure_command as make_measure_command
from .blocks import Bars as Bars
from .blocks import Block as Block
from .blocks import Cell as Cell
from .blocks import Chart as Chart
from .blocks import Code as Code
from .blocks import Facts as Facts
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

# Runs, in words
from .summary import summarize_run as summarize_run
from .summary import target_name as target_name

# Commands, and what they say
from .output import Output as Output
from .command import FileToWrite as FileToWrite
from .command import FiniteRange as FiniteRange
from .command import FOLDER as FOLDER
from .command import Names as Names
from .command import option as option
from .command import trust_option as trust_option

# Files
from .page_blocks import arrange_blocks as arrange_blocks
from .saving import fill_template as fill_template
from .saving import report_blocks as report_blocks
from .saving import save as save
from .saving import write_page as write_page
from .saving import write_report as write_report

# Pictures in a page
from .page_blocks import PageImage as PageImage
from .page_blocks import embed_image as embed_image
from .page_blocks import embed_png as embed_png
from .page_blocks import embed_svg as embed_svg

# Pictures that a browser draws
from .drawing_scripts import describe_look as describe_look
from .drawing_scripts import drawing_scripts as drawing_scripts
from .drawing_scripts import encode_formula as encode_formula

# Charts
from .figure import MUTED as MUTED
from .figure import SURFACE as SURFACE
from .figure import decimal_odds as decimal_odds
from .figure import label_confidences as label_confidences
from .figure import label_counts as label_counts
from .figure import label_ends as label_ends
from .figure import mark_counts as mark_counts
from .figure import new_axes as new_axes
from .figure import ticks_around as ticks_around
from .figure import evenly as evenly
from .charts import ChartLine as ChartLine
from .charts import StepCurve as StepCurve
from .charts import draw_cells as draw_cells
from .charts import key_of as key_of
from .charts import lines_of_shares as lines_of_shares
from .charts import steps as steps
from .charts import short as short
from .figure import LINE_COLOURS as LINE_COLOURS
from .figure import draw_figure as draw_figure

# Films
from .animation import write_animation as write_animation

__all__: list[str]
