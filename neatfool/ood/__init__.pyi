# The public names of neatfool.ood, each where it is defined. This is their only list.

# Asking detectors
from .ood_scores import DetectionScores as DetectionScores
from .ood_scores import OutlierScores as OutlierScores
from .ood_scores import ask_detectors as ask_detectors

# Detectors
from .detector import Answers as Answers
from .detector import Detector as Detector
from .detector import MissingPackage as MissingPackage
from .detector import detector_names as detector_names
from .detector import make_detector as make_detector
from .ood_scores import InspectedTarget as InspectedTarget

# In-distribution images
from .in_distribution import Digits as Digits
from .in_distribution import Mnist as Mnist
from .in_distribution import has_mnist as has_mnist
from .in_distribution import read_mnist as read_mnist
from .in_distribution import InDistribution as InDistribution
from .in_distribution import count_in_distribution as count_in_distribution
from .in_distribution import in_distribution as in_distribution

# Images that show nothing
from .simple_images import simple_images as simple_images

__all__: list[str]
