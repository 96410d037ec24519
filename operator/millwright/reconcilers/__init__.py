"""Observe, decide, act, report: one module per kind; the only place where core meets ports."""
