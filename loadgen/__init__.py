"""Load generator: simulated sensor events, sent to files or Kafka at a steady rate."""
