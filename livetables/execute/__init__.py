"""Carries out the steps of an update."""
