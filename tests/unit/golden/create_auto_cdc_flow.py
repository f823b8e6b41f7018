import dlt

# %% nothing
dlt.create_auto_cdc_flow()

# %% no sequence
dlt.create_auto_cdc_flow("users", "feed", ["id"])

# %% no keys
dlt.create_auto_cdc_flow("users", "feed", [], "at")

# %% keys that are a number
dlt.create_auto_cdc_flow("users", "feed", 5, "at")

# %% keys with an empty name
dlt.create_auto_cdc_flow("users", "feed", ["id", ""], "at")

# %% a sequence that is a list
dlt.create_auto_cdc_flow("users", "feed", ["id"], ["at", "number"])


# %% a source that is a function
def feed(): ...


dlt.create_auto_cdc_flow("users", feed, ["id"], "at")

# %% an empty source
dlt.create_auto_cdc_flow("users", "", ["id"], "at")

# %% a target that is a number
dlt.create_auto_cdc_flow(5, "feed", ["id"], "at")

# %% an empty target
dlt.create_auto_cdc_flow(".", "feed", ["id"], "at")

# %% a type that there is not
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", stored_as_scd_type=3)

# %% a bitemporal target
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", stored_as_scd_type="bitemporal")

# %% a condition that is a function
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", apply_as_deletes=lambda row: row.op == "D")

# %% a condition that is a flag
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", apply_as_truncates=True)

# %% a truncate of type 2
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", stored_as_scd_type=2, apply_as_truncates="op = 'T'")

# %% columns that are a number
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", column_list=5)

# %% columns both ways
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", column_list=["id"], except_column_list=["op"])

# %% a history of type 1
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", track_history_column_list=["city"])

# %% a flag that is a text
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", ignore_null_updates="yes")

# %% once that is a text
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", once="yes")

# %% NULLs and named columns
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", ignore_null_updates=True, columns_to_update="changed")

# %% a list of columns to update
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", columns_to_update=["city"])

# %% a misspelt parameter
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", apply_as_delete="op = 'D'")

# %% a name that is no text
dlt.create_auto_cdc_flow("users", "feed", ["id"], "at", name=5)


# %% put on a function
@dlt.create_auto_cdc_flow(target="users", source="feed", keys=["id"], sequence_by="at")
def feed(): ...
