# The measures that come with neatfool, for editors; at run time, those that are registered.

from neatfool_plugins.ablate.measure import ablate as ablate
from neatfool_plugins.ancestry.measure import ancestry as ancestry
from neatfool_plugins.compare.measure import compare as compare
from neatfool_plugins.detect.measure import detect as detect
from neatfool_plugins.quiz.recognition import recognise as recognise
from neatfool_plugins.survive.measure import survive as survive
from neatfool_plugins.audit.threshold.measure import threshold as threshold
from neatfool_plugins.transfer.measure import transfer as transfer
