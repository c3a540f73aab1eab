# The public names of neatfool.cppn, each where it is defined. This is their only list.

from .breeding import Breeder as Breeder
from .genome.options import Refinements as Refinements
from .draw.cpu import can_compile as can_compile
from .draw.cpu import load_compiled as load_compiled
from .tape import Tape as Tape
from .tape import compile_tape as compile_tape
from .draw.cuda import can_launch as can_launch
from .draw.glsl import GLSL as GLSL
from .exchange.formats import read as read
from .exchange.formats import write as write
from .exchange.graph_drawing import draw_graph as draw_graph
from .draw.lattice import Look as Look
from .exchange.network import NeatNetwork as NeatNetwork
from .exchange.network import Picture as Picture
from .activations import ACTIVATIONS as ACTIVATIONS
from .custom_activations import add_activation as add_activation
from .draw.colour import COLOUR_MAPS as COLOUR_MAPS
from .draw.colour import ColourMap as ColourMap
from .draw.colour import find_colour_map as find_colour_map
from .genome.genes import ConnectionGene as ConnectionGene
from .genome.genes import NodeGene as NodeGene
from .genome.genome import Genome as Genome
from .genome.genome import GenomeConfig as GenomeConfig
from .exchange.graph_reader import from_graph as from_graph
from .genome.serial import to_graph as to_graph
from .genome.options import GenomeOptions as GenomeOptions
from .genome.options import PRESETS as PRESETS
from .genome.options import Preset as Preset
from .genome.serial import dumps as dumps
from .genome.serial import from_bytes as from_bytes
from .genome.serial import loads as loads
from .genome.serial import to_bytes as to_bytes
from .genome.options import genome_config as genome_config
from .genome.options import resolve as resolve
from .draw.gradients import render_gradients as render_gradients
from .draw.gradients import Parameters as Parameters
from .program import Program as Program
from .program import compile_genomes as compile_genomes
from .draw.rendering import render as render

__all__: list[str]
