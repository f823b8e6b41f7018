import dlt


# %% no target
@dlt.update_flow
def sending(): ...


# %% a target without its name
@dlt.update_flow("orders")
def sending(): ...


# %% a target that is no text
@dlt.update_flow(target=["orders"])
def sending(): ...


# %% an empty target
@dlt.update_flow(target="")
def sending(): ...


# %% something that is no function
dlt.update_flow(target="orders")(None)


# %% a misspelt parameter
@dlt.update_flow(taget="orders")
def sending(): ...


# %% a parameter of tables
@dlt.update_flow(target="orders", schema="id BIGINT")
def sending(): ...


# %% once that is a text
@dlt.update_flow(target="orders", once="yes")
def sending(): ...


# %% a name that is no text
@dlt.update_flow(target="orders", name=5)
def sending(): ...


# %% a name with a slash
@dlt.update_flow(target="orders", name="from/shop")
def sending(): ...


# %% a conf that is no dict
@dlt.update_flow(target="orders", spark_conf=["a.b"])
def sending(): ...


# %% a query function that needs an argument
@dlt.update_flow(target="orders")
def sending(country): ...


# %% a rule
@dlt.update_flow(target="orders")
@dlt.expect("valid", "id > 0")
def sending(): ...


# %% put on no function
dlt.update_flow(target="orders", name="sending")
