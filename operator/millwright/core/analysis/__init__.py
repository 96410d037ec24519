"""Judging a candidate by what its servers have counted: pure, from counters to a verdict."""
