"""Finds the files of a load path and keeps the ledger of what was read."""
