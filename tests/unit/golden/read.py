import dlt

# %% no name
dlt.read()

# %% a number
dlt.read(5)


# %% the function of a table
def orders(): ...


dlt.read(orders)

# %% an empty name
dlt.read("")

# %% several names
dlt.read("orders", "customers")

# %% a misspelt parameter
dlt.read(nam="orders")
