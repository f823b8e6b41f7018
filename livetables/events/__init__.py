"""Events of an update: types, log, and the state that is folded from them. Imports no Spark."""
