"""Readers: functions that return a streaming DataFrame."""
