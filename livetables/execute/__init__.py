"""Steps to tables."""
