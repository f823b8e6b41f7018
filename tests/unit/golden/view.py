import dlt


# %% a name in the place of the function
@dlt.view("orders")
def orders(): ...


# %% something that is no function
dlt.view()([])


# %% a misspelt parameter
@dlt.view(coment="All orders.")
def orders(): ...


# %% a parameter of tables
@dlt.view(table_properties={"quality": "bronze"})
def orders(): ...


# %% a name that is no text
@dlt.view(name=["orders"])
def orders(): ...


# %% a name with a slash
@dlt.view(name="raw/orders")
def orders(): ...


# %% a conf that is no dict
@dlt.view(spark_conf=4)
def orders(): ...


# %% a query function that needs an argument
@dlt.view
def orders(country): ...


# %% put on no function
dlt.view(name="orders")
