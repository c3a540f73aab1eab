"""Scripts that print ratios, each measured side by side in one process.

They are not tests: run one with ``python -m benchmarks.NAME``, from the project's folder.
"""

import neatfool  # noqa: F401  # before torch: it says how torch's threads wait
