"""Auto Loader (`format("cloudFiles")`): which files are new, what columns they have, and what does not fit them."""
