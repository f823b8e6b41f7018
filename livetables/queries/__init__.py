"""Evaluates the query functions of flows: names, paths and sources come from the active reader."""
