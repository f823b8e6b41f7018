"""Programs for working on this project."""
