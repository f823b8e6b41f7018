"""Engines: they make the rows of a shape as they fall due, and hand them to a target."""
