import dlt


# %% a name in the place of the function
@dlt.create_view("orders")
def orders(): ...


# %% a parameter of tables
@dlt.create_view(path="/mnt/orders")
def orders(): ...


# %% a comment that is no text
@dlt.create_view(comment=5)
def orders(): ...
