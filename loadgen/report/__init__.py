"""What a run does and has done: status, record, read-back, tables, files and picture."""
