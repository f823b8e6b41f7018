"""Measurements against an alternative, run side by side on the same machine."""
