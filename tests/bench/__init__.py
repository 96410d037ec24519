"""Benchmarks: ratios in one run, API calls and CPU seconds. Each prints a table and writes JSON below `.bench/`."""
