"""Scripts that print ratios, each measured side by side in one process.

They are not tests: run one with ``python -m benchmarks.NAME``, from the project's folder.
"""

import os

# As the command ``neatfool`` has it, and before torch is imported: threads that wait by spinning
# would measure what else the machine does.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
