"""`python -m loadgen`."""

from .cli import app

app(prog_name="python -m loadgen")
