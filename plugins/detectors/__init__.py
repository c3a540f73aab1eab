"""Out-of-distribution (OOD) detectors: a module that lies here is a detector of its name.

Only a module of several names has entry points in ``setup.cfg``.
"""
