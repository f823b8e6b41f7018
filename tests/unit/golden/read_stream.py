import dlt

# %% no name
dlt.read_stream()

# %% a number
dlt.read_stream(5)


# %% the function of a table
def orders(): ...


dlt.read_stream(orders)

# %% an empty name
dlt.read_stream("")

# %% several names
dlt.read_stream("orders", "customers")

# %% a misspelt parameter
dlt.read_stream(nam="orders")
