"""Auto Loader: finds new files, reads each exactly once, and follows their schema."""
