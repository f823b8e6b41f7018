"""Load generator: simulated sensor rows, sent to files, Kafka or Delta tables by a schedule."""
