"""The storage folder of a pipeline: its paths, checkpoints, lock and Delta facts. Imports no Spark."""
