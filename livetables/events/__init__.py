"""Events of an update: types and payloads, the log, and the state that is folded from them. Imports no Spark."""
