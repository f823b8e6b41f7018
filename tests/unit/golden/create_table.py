import dlt


# %% a name in the place of the function
@dlt.create_table("orders")
def orders(): ...


# %% called like a function
dlt.create_table(name="orders", comment="All orders.")


# %% a misspelt parameter
@dlt.create_table(partition_col="day")
def orders(): ...


# %% a schema that is a number
@dlt.create_table(schema=5)
def orders(): ...


# %% pyspark.pipelines: put on a function
from pyspark import pipelines as dp


@dp.create_table(name="orders")
def orders(): ...


# %% pyspark.pipelines: no name
from pyspark import pipelines as dp

dp.create_table(comment="All orders.")

# %% pyspark.pipelines: a misspelt parameter
from pyspark import pipelines as dp

dp.create_table("orders", expect_al={})

# %% pyspark.pipelines: a parameter without effect
from pyspark import pipelines as dp

dp.create_table("orders", cluster_by_auto=True)

# %% pyspark.pipelines: a row filter without its columns
from pyspark import pipelines as dp

dp.create_table("orders", row_filter="ROW FILTER only_mine")

# %% pyspark.pipelines: rules that are no dict
from pyspark import pipelines as dp

dp.create_table("orders", expect_all=["id > 0"])
