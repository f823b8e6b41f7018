"""`python -m loadgen`."""

from loadgen.cli import app

app(prog_name="python -m loadgen")
