import dlt


# %% a name in the place of the function
@dlt.temporary_view("orders")
def orders(): ...


# %% something that is no function
dlt.temporary_view()([])


# %% a misspelt parameter
@dlt.temporary_view(coment="All orders.")
def orders(): ...


# %% a parameter of tables
@dlt.temporary_view(table_properties={"quality": "bronze"})
def orders(): ...


# %% a name that is no text
@dlt.temporary_view(name=["orders"])
def orders(): ...


# %% a name with a slash
@dlt.temporary_view(name="raw/orders")
def orders(): ...


# %% a conf that is no dict
@dlt.temporary_view(spark_conf=4)
def orders(): ...


# %% a query function that needs an argument
@dlt.temporary_view
def orders(country): ...


# %% put on no function
dlt.temporary_view(name="orders")
