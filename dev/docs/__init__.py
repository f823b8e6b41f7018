"""Generators of the documents that are written from code and tests."""
