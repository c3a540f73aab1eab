# The public names of neatfool, each where it is defined. This is their only list.

from . import cppn as cppn
from . import analysis as analysis
from . import measure as measure
from . import models as models
from . import ood as ood
from . import present as present
from . import testing as testing

# Fooling, and reading runs
from .fooling.fool import fool as fool
from .fooling.evolve import evolve as evolve
from .evolution.python_target import channels_last as channels_last
from .run.verdict import Verdict as Verdict
from .run.individual import Ancestor as Ancestor
from .run.individual import EliteView as EliteView
from .run.population import Population as Population
from .run.run import Run as Run
from .fooling.open_runs import open_run as open_run
from .fooling.open_runs import open_runs as open_runs
from .experiment.trust import require_trust as require_trust
from .measure.elites import choose_elites as choose_elites
from .measure.elites import distinct_elites as distinct_elites
from .fooling.open_runs import find_runs as find_runs
from .search.seed_list import parse_seeds as parse_seeds
from .experiment.experiment import differences as differences

# Scoring any images
from .machine import tune_process as tune_process
from .experiment.experiment import Experiment as Experiment
from .experiment.experiment import load_experiment as load_experiment
from .evolution.python_parts import make_encoding as make_encoding
from .evolution.python_parts import make_scheme as make_scheme
from .evolution.assembly import make_target as make_target
from .fooling.open_runs import open_scorer as open_scorer
from .scoring.scorer import Scorer as Scorer
from .spec.fitting import fit_images as fit_images
from .spec.fitting import fit_photograph as fit_photograph

# Registering plugins, and their options
from .plugin.hookspecs import Register as Register
from .plugin.hookspecs import hookimpl as hookimpl
from .config.annotations import PrefixedPath as PrefixedPath
from .config.annotations import Access as Access
from .config.options import ClassNames as ClassNames

# Targets
from .spec.image_spec import GridAxis as GridAxis
from .spec.image_spec import ImageSpec as ImageSpec
from .spec.scores import Labels as Labels
from .spec.scores import Scores as Scores
from .spec.scores import log_odds as log_odds
from .spec.scores import rank as rank
from .spec.target import Differentiable as Differentiable
from .spec.target import Guard as Guard
from .spec.target import MeteredTarget as MeteredTarget
from .spec.target import Target as Target
from .spec.target import behind as behind
from .spec.target import Budget as Budget
from .budget import Ledger as Ledger
from .run.images import decode_png as decode_png
from .run.images import encode_png as encode_png
from .network.network import Network as Network
from .evolution.python_target import ModuleTarget as ModuleTarget

# Encodings
from .spec.archive import GenomeSize as GenomeSize
from .spec.encoding import Encoding as Encoding
from .spec.encoding import Learnable as Learnable
from .spec.encoding import Parametric as Parametric
from .spec.encoding import Pictorial as Pictorial

# Schemes
from .spec.archive import Archive as Archive
from .spec.archive import Candidate as Candidate
from .spec.archive import Elite as Elite
from .spec.archive import Replacement as Replacement
from .spec.scheme import Scheme as Scheme
from .run.seed_from import inherit as inherit
from .search.learning import Learner as Learner
from .spec.scheme import LearningOptions as LearningOptions
from .spec.seeds import derive_seed as derive_seed
from .spec.seeds import derive_seeds as derive_seeds

# Views
from .experiment.view_settings import views as views
from .spec.view import View as View

# Engines
from .evolution.workplace import Workplace as Workplace
from .spec.engine import Answer as Answer
from .spec.engine import Engine as Engine
from .spec.engine import Part as Part
from .spec.engine import Setup as Setup

# Observers
from .run.statistics import GenerationReport as GenerationReport
from .run.statistics import Outcome as Outcome

# Errors
from .errors import BudgetSpent as BudgetSpent
from .errors import ExperimentError as ExperimentError
from .errors import GenomeError as GenomeError
from .errors import NeatfoolError as NeatfoolError
from .errors import PluginError as PluginError
from .errors import RunError as RunError
from .errors import StorageError as StorageError
from .errors import TargetError as TargetError
from .errors import TargetUnavailable as TargetUnavailable
from .errors import UntrustedRun as UntrustedRun
from .errors import VerificationError as VerificationError
from .errors import nearest as nearest

__version__: str
__all__: list[str]
