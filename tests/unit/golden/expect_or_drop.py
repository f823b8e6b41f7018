import dlt


# %% no predicate
@dlt.table
@dlt.expect_or_drop("valid")
def orders(): ...


# %% a predicate that is None
@dlt.table
@dlt.expect_or_drop("valid", None)
def orders(): ...


# %% a predicate that is a number
@dlt.table
@dlt.expect_or_drop("valid", 5)
def orders(): ...


# %% a predicate that is a function
@dlt.table
@dlt.expect_or_drop("valid", lambda row: row.id > 0)
def orders(): ...


# %% an empty predicate
@dlt.table
@dlt.expect_or_drop("valid", " ")
def orders(): ...


# %% a name that is no text
@dlt.table
@dlt.expect_or_drop(5, "id > 0")
def orders(): ...


# %% an empty name
@dlt.table
@dlt.expect_or_drop("", "id > 0")
def orders(): ...


# %% a dict of rules
@dlt.table
@dlt.expect_or_drop({"valid": "id > 0"})
def orders(): ...


# %% a misspelt parameter
@dlt.table
@dlt.expect_or_drop(name="valid", invariant="id > 0")
def orders(): ...


# %% without parentheses
@dlt.table
@dlt.expect_or_drop
def orders(): ...


# %% put on something that is no function
dlt.expect_or_drop("valid", "id > 0")("orders")


# %% two rules of one name
@dlt.table
@dlt.expect_or_drop("valid", "id > 0")
@dlt.expect_or_drop("valid", "id < 9")
def orders(): ...


# %% put on a sink
@dlt.foreach_batch_sink
@dlt.expect_or_drop("valid", "id > 0")
def write(df, batch_id): ...


# %% put on no function
dlt.expect_or_drop("valid", "id > 0")


# %% put on a function that defines nothing
@dlt.expect_or_drop("valid", "id > 0")
def orders(): ...
