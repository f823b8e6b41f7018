"""Finds the files of a load path, in local folders and in object stores, and numbers them in a ledger."""
