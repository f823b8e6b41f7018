import dlt

# %% no name
dlt.create_streaming_table()


# %% a function in the place of the name
def orders(): ...


dlt.create_streaming_table(orders)

# %% a comment without its name
dlt.create_streaming_table("orders", "All orders.")

# %% a misspelt parameter
dlt.create_streaming_table("orders", expect_all_or_dropp={})

# %% a name with a slash
dlt.create_streaming_table("raw/orders")

# %% rules that are a list
dlt.create_streaming_table("orders", expect_all=["id > 0"])

# %% a rule that is no predicate
dlt.create_streaming_table("orders", expect_all_or_drop={"valid": None})

# %% a rule without a name
dlt.create_streaming_table("orders", expect_all_or_fail={"": "id > 0"})

# %% two rules of one name
dlt.create_streaming_table("orders", expect_all={"valid": "id > 0"}, expect_all_or_drop={"valid": "id < 9"})


# %% put on a function
@dlt.create_streaming_table(name="orders")
def orders(): ...


# %% partitions and clusters
dlt.create_streaming_table("orders", partition_cols=["day"], cluster_by=["id"])

# %% properties that are no dict
dlt.create_streaming_table("orders", table_properties="quality=bronze")
