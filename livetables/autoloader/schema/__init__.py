"""Infers, keeps and evolves the schema of a load path."""
