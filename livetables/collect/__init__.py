"""Files to frozen definitions."""
