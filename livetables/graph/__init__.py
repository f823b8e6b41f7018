"""Definitions to a checked graph."""
