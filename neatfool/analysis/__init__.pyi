# The public names of neatfool.analysis, each where it is defined. This is their only list.

from .class_names import match_classes as match_classes
from .comparison import Comparison as Comparison
from .comparison import compare as compare
from .course import Course as Course
from .course import read_course as read_course
from .photographs import Photograph as Photograph
from .photographs import photographs_in as photographs_in
from .photographs import photographs_of as photographs_of
from .survival import Survival as Survival
from .survival import keep_survival as keep_survival
from .survival import survive as survive
from .transfer import Transfer as Transfer
from .transfer import transfer as transfer

__all__: list[str]
