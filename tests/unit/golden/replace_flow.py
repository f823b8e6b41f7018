import dlt


# %% without a target
@dlt.replace_flow(replace_using=["id"], sequence_by="at")
def sending(): ...


# %% without keys
@dlt.replace_flow(target="orders", sequence_by="at")
def sending(): ...


# %% without an order
@dlt.replace_flow(target="orders", replace_using=["id"])
def sending(): ...


# %% a key named twice
@dlt.replace_flow(target="orders", replace_using=["id", "ID"], sequence_by="at")
def sending(): ...


# %% keys that are no columns
@dlt.replace_flow(target="orders", replace_using=5, sequence_by="at")
def sending(): ...


# %% a misspelt parameter
@dlt.replace_flow(target="orders", replace_use=["id"], sequence_by="at")
def sending(): ...


# %% a table that is replaced in two ways
@dlt.table(replace_using=["id"], sequence_by="at", replace_where="id > 5")
def orders(): ...


# %% a table without an order
@dlt.table(replace_using=["id"])
def orders(): ...
