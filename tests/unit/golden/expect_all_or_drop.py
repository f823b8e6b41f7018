import dlt


# %% nothing
@dlt.table
@dlt.expect_all_or_drop()
def orders(): ...


# %% None
@dlt.table
@dlt.expect_all_or_drop(None)
def orders(): ...


# %% a list
@dlt.table
@dlt.expect_all_or_drop(["id > 0"])
def orders(): ...


# %% one rule
@dlt.table
@dlt.expect_all_or_drop("valid", "id > 0")
def orders(): ...


# %% a predicate that is a number
@dlt.table
@dlt.expect_all_or_drop({"valid": 5})
def orders(): ...


# %% a name that is no text
@dlt.table
@dlt.expect_all_or_drop({5: "id > 0"})
def orders(): ...


# %% without parentheses
@dlt.table
@dlt.expect_all_or_drop
def orders(): ...


# %% put on something that is no function
dlt.expect_all_or_drop({"valid": "id > 0"})("orders")
