"""Evaluates the queries of flows: names, paths and sources are given by the active reader."""
