import dlt

# %% no name
dlt.readStream()

# %% a number
dlt.readStream(5)


# %% the function of a table
def orders(): ...


dlt.readStream(orders)

# %% an empty name
dlt.readStream("")

# %% several names
dlt.readStream("orders", "customers")

# %% a misspelt parameter
dlt.readStream(nam="orders")
