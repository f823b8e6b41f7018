import dlt


# %% no predicate
@dlt.table
@dlt.expect_or_fail("valid")
def orders(): ...


# %% a predicate that is None
@dlt.table
@dlt.expect_or_fail("valid", None)
def orders(): ...


# %% a predicate that is a number
@dlt.table
@dlt.expect_or_fail("valid", 5)
def orders(): ...


# %% a predicate that is a function
@dlt.table
@dlt.expect_or_fail("valid", lambda row: row.id > 0)
def orders(): ...


# %% an empty predicate
@dlt.table
@dlt.expect_or_fail("valid", " ")
def orders(): ...


# %% a name that is no text
@dlt.table
@dlt.expect_or_fail(5, "id > 0")
def orders(): ...


# %% an empty name
@dlt.table
@dlt.expect_or_fail("", "id > 0")
def orders(): ...


# %% a dict of rules
@dlt.table
@dlt.expect_or_fail({"valid": "id > 0"})
def orders(): ...


# %% a misspelt parameter
@dlt.table
@dlt.expect_or_fail(name="valid", invariant="id > 0")
def orders(): ...


# %% without parentheses
@dlt.table
@dlt.expect_or_fail
def orders(): ...


# %% put on something that is no function
dlt.expect_or_fail("valid", "id > 0")("orders")


# %% two rules of one name
@dlt.table
@dlt.expect_or_fail("valid", "id > 0")
@dlt.expect_or_fail("valid", "id < 9")
def orders(): ...


# %% put on a sink
@dlt.foreach_batch_sink
@dlt.expect_or_fail("valid", "id > 0")
def write(df, batch_id): ...


# %% put on no function
dlt.expect_or_fail("valid", "id > 0")


# %% put on a function that defines nothing
@dlt.expect_or_fail("valid", "id > 0")
def orders(): ...
