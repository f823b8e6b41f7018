"""The globals that the platform gives to a pipeline file: dbutils, open, print."""
