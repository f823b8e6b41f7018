"""Presentation: terminal, SVG and JSON."""
