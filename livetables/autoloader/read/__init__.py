"""Reads files of each format and fits their records to the schema."""
