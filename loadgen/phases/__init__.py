"""Load shapes: phases and streams, read from a YAML file or made for a steady rate."""
