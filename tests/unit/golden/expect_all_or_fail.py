import dlt


# %% nothing
@dlt.table
@dlt.expect_all_or_fail()
def orders(): ...


# %% None
@dlt.table
@dlt.expect_all_or_fail(None)
def orders(): ...


# %% a list
@dlt.table
@dlt.expect_all_or_fail(["id > 0"])
def orders(): ...


# %% one rule
@dlt.table
@dlt.expect_all_or_fail("valid", "id > 0")
def orders(): ...


# %% a predicate that is a number
@dlt.table
@dlt.expect_all_or_fail({"valid": 5})
def orders(): ...


# %% a name that is no text
@dlt.table
@dlt.expect_all_or_fail({5: "id > 0"})
def orders(): ...


# %% without parentheses
@dlt.table
@dlt.expect_all_or_fail
def orders(): ...


# %% put on something that is no function
dlt.expect_all_or_fail({"valid": "id > 0"})("orders")
