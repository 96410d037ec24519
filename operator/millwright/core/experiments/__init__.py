"""Experiments: several versions served at once, until it is known which does better. Pure."""
