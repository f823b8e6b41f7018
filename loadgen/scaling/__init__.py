"""Loads of many streams, in phases: what `--phases` runs."""
