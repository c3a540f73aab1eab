# The public names of neatfool.ood, each where it is defined. This is their only list.

# Measuring
from .detection import KEPT as KEPT
from .detection import Detection as Detection
from .detection import Row as Row
from .detection import behind as behind
from .detection import count_images as count_images
from .detection import detect as detect

# Detectors
from .detector import Answers as Answers
from .detector import Detector as Detector
from .detector import MissingPackage as MissingPackage
from .detector import detectors as detectors
from .detector import make_detector as make_detector
from .inspected import InspectedTarget as InspectedTarget

# In-distribution images
from .idx import Digits as Digits
from .idx import Mnist as Mnist
from .idx import has_mnist as has_mnist
from .idx import read_mnist as read_mnist
from .in_distribution import InDistribution as InDistribution
from .in_distribution import in_distribution as in_distribution

__all__: list[str]
