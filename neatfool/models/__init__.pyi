# The public names of neatfool.models, each where it is defined. This is their only list.

# Loading by name
from .formats import ModelName as ModelName
from .formats import find_format as find_format
from .formats import load_classifier as load_classifier
from .formats import load_tower as load_tower
from .formats import name_file as name_file

# Readers
from .formats import ClassifierFormat as ClassifierFormat
from .formats import TowerFormat as TowerFormat
from .formats import need as need
from .formats import reading as reading
from .preprocessing import Input as Input
from .preprocessing import Layout as Layout
from .preprocessing import layouts_of as layouts_of
from .model_file import FileModule as FileModule
from .model_file import load_file as load_file
from .weights import fit_weights as fit_weights
from .weights import read_tensors as read_tensors

# What they are asked, and what they give
from .formats import Classifier as Classifier
from .formats import Outputs as Outputs
from .formats import Request as Request
from .formats import Tower as Tower
from .formats import hash_weights as hash_weights
from .preprocessing import Preprocessing as Preprocessing
from .preprocessing import in_bytes as in_bytes

# Photographs
from .photographs import PHOTOGRAPHS as PHOTOGRAPHS
from .photographs import Photograph as Photograph
from .photographs import check_recognised as check_recognised
from .photographs import photographs_in as photographs_in
from .photographs import photographs_of as photographs_of
from .photographs import photographs_showing as photographs_showing

__all__: list[str]
