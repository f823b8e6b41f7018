import dlt


# %% a function that takes no batch number
@dlt.foreach_batch_sink
def write(df): ...


# %% a function that takes too much
@dlt.foreach_batch_sink(name="out")
def write(df, batch_id, path): ...


# %% something that is no function
dlt.foreach_batch_sink(name="out")(5)


# %% a name that is no text
@dlt.foreach_batch_sink(name=5)
def write(df, batch_id): ...


# %% a name with a slash
@dlt.foreach_batch_sink(name="mnt/out")
def write(df, batch_id): ...


# %% a function without a name
dlt.foreach_batch_sink(lambda df, batch_id: None)


# %% a misspelt parameter
@dlt.foreach_batch_sink(nam="out")
def write(df, batch_id): ...


# %% put on no function
dlt.foreach_batch_sink(name="out")
