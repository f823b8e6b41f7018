import dlt


# %% a name in the place of the function
@dlt.table("orders")
def orders(): ...


# %% something that is no function
dlt.table()(5)

# %% several arguments without a name
dlt.table(print, "orders")


# %% a misspelt parameter
@dlt.table(coment="All orders.")
def orders(): ...


# %% a parameter that no table has
@dlt.table(zzz=1)
def orders(): ...


# %% a name that is no text
@dlt.table(name=5)
def orders(): ...


# %% an empty name
@dlt.table(name=" ")
def orders(): ...


# %% a name with a slash
@dlt.table(name="raw/orders")
def orders(): ...


# %% a name with a space
@dlt.table(name="all orders")
def orders(): ...


# %% a name without a name
dlt.table(lambda: None)


# %% a comment that is no text
@dlt.table(comment=["All orders."])
def orders(): ...


# %% properties that are no dict
@dlt.table(table_properties=["quality"])
def orders(): ...


# %% a property without a value
@dlt.table(table_properties={"quality": None})
def orders(): ...


# %% a conf that is no dict
@dlt.table(spark_conf="spark.sql.shuffle.partitions=4")
def orders(): ...


# %% a conf with a list
@dlt.table(spark_conf={"spark.sql.shuffle.partitions": [4]})
def orders(): ...


# %% partition columns that are a number
@dlt.table(partition_cols=5)
def orders(): ...


# %% clustering columns with an empty name
@dlt.table(cluster_by=["id", ""])
def orders(): ...


# %% partitions and clusters
@dlt.table(partition_cols="day", cluster_by="id")
def orders(): ...


# %% a schema that is a list
@dlt.table(schema=["id", "name"])
def orders(): ...


# %% a flag that is a text
@dlt.table(temporary="no")
def orders(): ...


# %% a row filter that is no text
@dlt.table(row_filter=lambda row: True)
def orders(): ...


# %% a row filter that is a condition
@dlt.table(row_filter="owner = current_user()")
def orders(): ...


# %% a query function that needs an argument
@dlt.table
def orders(country): ...


# %% two tables of one function
@dlt.table
@dlt.table
def orders(): ...


# %% a table and a view of one function
@dlt.view
@dlt.table
def orders(): ...


# %% put on no function
dlt.table(name="orders", comment="All orders.")
