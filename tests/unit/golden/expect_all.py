import dlt


# %% nothing
@dlt.table
@dlt.expect_all()
def orders(): ...


# %% None
@dlt.table
@dlt.expect_all(None)
def orders(): ...


# %% a list
@dlt.table
@dlt.expect_all(["id > 0"])
def orders(): ...


# %% one rule
@dlt.table
@dlt.expect_all("valid", "id > 0")
def orders(): ...


# %% a predicate that is a number
@dlt.table
@dlt.expect_all({"valid": 5})
def orders(): ...


# %% a name that is no text
@dlt.table
@dlt.expect_all({5: "id > 0"})
def orders(): ...


# %% without parentheses
@dlt.table
@dlt.expect_all
def orders(): ...


# %% put on something that is no function
dlt.expect_all({"valid": "id > 0"})("orders")
