"""The checked graph of a pipeline: datasets, flows and what they read."""
