import dlt

# %% no format
dlt.create_sink("out")

# %% an empty name
dlt.create_sink("", "delta", {"path": "/mnt/out"})

# %% a name that is no text
dlt.create_sink(5, "delta", {"path": "/mnt/out"})

# %% a name with a slash
dlt.create_sink("mnt/out", "kafka")

# %% a format that is no text
dlt.create_sink("out", ["delta"])

# %% a misspelt format
dlt.create_sink("out", "kafak", {"topic": "orders"})

# %% options that are no dict
dlt.create_sink("out", "kafka", ["topic"])

# %% an option that is a list
dlt.create_sink("out", "kafka", {"topic": ["orders"]})

# %% a Delta sink without a place
dlt.create_sink("out", "Delta")

# %% a Delta sink with two places
dlt.create_sink("out", "delta", {"path": "/mnt/out", "tableName": "out"})

# %% a misspelt parameter
dlt.create_sink(name="out", format="kafka", option={"topic": "orders"})

# %% a parameter twice
dlt.create_sink("out", "kafka", name="out")


# %% put on a function
@dlt.create_sink("out", "kafka", {"topic": "orders"})
def sending(): ...


# %% two sinks of one name
dlt.create_sink("out", "kafka")
dlt.create_sink("OUT", "console")
