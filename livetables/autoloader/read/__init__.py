"""Reads files with Spark's readers, as the columns of one schema, and rescues what does not fit."""
