"""Auto Loader: each file that arrives in a folder is read once, and what does not fit the schema is kept.

A stream of files is a source written in Python: `stream` is what Spark asks, `listing` finds files, `ledger` gives them
numbers, `formats` reads them, `rescue` fits them to the schema, `schemas` keeps its versions.
"""
