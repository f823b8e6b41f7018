"""Infers schemas from files, merges them, and stores their versions."""
