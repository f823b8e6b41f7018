"""Loads the files of a pipeline and collects what they define."""
