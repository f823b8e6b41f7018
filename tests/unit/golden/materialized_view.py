import dlt


# %% a name in the place of the function
@dlt.materialized_view("orders")
def orders(): ...


# %% a misspelt parameter
@dlt.materialized_view(refresh_polcy="full")
def orders(): ...


# %% a parameter of streaming tables
@dlt.materialized_view(expect_all={"valid": "id > 0"})
def orders(): ...


# %% a refresh policy that there is not
@dlt.materialized_view(refresh_policy="incremental-strict")
def orders(): ...


# %% a refresh policy that is no text
@dlt.materialized_view(refresh_policy=True)
def orders(): ...


# %% a query function that needs two arguments
@dlt.materialized_view
def orders(country, *, since): ...


# %% a name with a tab
@dlt.materialized_view(name="orders\t2024")
def orders(): ...
