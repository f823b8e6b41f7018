"""Loads the files of a pipeline and collects its definitions."""
