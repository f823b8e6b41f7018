"""livetables: runs Delta Live Tables pipelines, unchanged, on any machine that has Python and Java."""
