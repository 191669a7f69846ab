"""How well the right person is found at the holder, and how fast: `python -m tests.benchmarks.matching`."""
