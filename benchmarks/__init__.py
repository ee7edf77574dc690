"""Measurements of this machine: `python -m benchmarks` runs all of them, `benchmarks.soak` the long one."""
