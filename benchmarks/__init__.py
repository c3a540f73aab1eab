"""Measurements that print ratios of things done side by side in one process.

Run one as ``python -m benchmarks.NAME [--json]`` from the root of the repository.
"""
