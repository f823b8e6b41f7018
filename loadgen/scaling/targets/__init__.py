"""Where the blocks of a load go: one module per target; `open_target` in `opening.py` picks one."""
