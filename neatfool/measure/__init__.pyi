# The public names of neatfool.measure, each where it is defined. This is their only list.

# What a finding is of
from .facts import FEW as FEW
from .facts import RunFacts as RunFacts
from .result import MultiRunResult as MultiRunResult
from .facts import batch_slices as batch_slices
from .matching import match_classes as match_classes
from .matching import find_class as find_class
from .elites import check_classes as check_classes
from .facts import from_pillow as from_pillow

from .code import measuring_code as measuring_code
from .course import RunCourse as RunCourse
from .course import STATISTICS as STATISTICS
from .course import Statistic as Statistic
from .course import TESTED_STATISTICS as TESTED_STATISTICS
from .course import tested as tested

# Estimates
from .estimates import FEWEST as FEWEST
from .estimates import LIMIT as LIMIT
from .estimates import Estimate as Estimate
from .estimates import Share as Share

# Likeness of images
from .likeness import image_features as image_features
from .likeness import join_spaces as join_spaces

# Changes of images, and what survives them
from .changes import DRAWN as DRAWN
from .changes import ImageChange as ImageChange
from .changes import ChangeKind as ChangeKind
from .changes import all_changes as all_changes
from .changes import choose_changes as choose_changes
from .survival import SURVIVAL_FILE as SURVIVAL_FILE
from .survival import ImageSurvival as ImageSurvival
from .survival import SurvivalRecord as SurvivalRecord
from .survival import read_survival as read_survival

__all__: list[str]
