"""Transfer: which images of runs fool which networks."""
