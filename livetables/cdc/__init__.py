"""AUTO CDC: change events and snapshots become rows of Delta tables."""
