import dlt

# %% nothing
dlt.apply_changes()

# %% no sequence
dlt.apply_changes("users", "feed", ["id"])

# %% no keys
dlt.apply_changes("users", "feed", [], "at")

# %% keys that are a number
dlt.apply_changes("users", "feed", 5, "at")

# %% keys with an empty name
dlt.apply_changes("users", "feed", ["id", ""], "at")

# %% a sequence that is a list
dlt.apply_changes("users", "feed", ["id"], ["at", "number"])


# %% a source that is a function
def feed(): ...


dlt.apply_changes("users", feed, ["id"], "at")

# %% an empty source
dlt.apply_changes("users", "", ["id"], "at")

# %% a target that is a number
dlt.apply_changes(5, "feed", ["id"], "at")

# %% an empty target
dlt.apply_changes(".", "feed", ["id"], "at")

# %% a type that there is not
dlt.apply_changes("users", "feed", ["id"], "at", stored_as_scd_type=3)

# %% a bitemporal target
dlt.apply_changes("users", "feed", ["id"], "at", stored_as_scd_type="bitemporal")

# %% a condition that is a function
dlt.apply_changes("users", "feed", ["id"], "at", apply_as_deletes=lambda row: row.op == "D")

# %% a condition that is a flag
dlt.apply_changes("users", "feed", ["id"], "at", apply_as_truncates=True)

# %% a truncate of type 2
dlt.apply_changes("users", "feed", ["id"], "at", stored_as_scd_type=2, apply_as_truncates="op = 'T'")

# %% columns that are a number
dlt.apply_changes("users", "feed", ["id"], "at", column_list=5)

# %% columns both ways
dlt.apply_changes("users", "feed", ["id"], "at", column_list=["id"], except_column_list=["op"])

# %% a history of type 1
dlt.apply_changes("users", "feed", ["id"], "at", track_history_column_list=["city"])

# %% a flag that is a text
dlt.apply_changes("users", "feed", ["id"], "at", ignore_null_updates="yes")

# %% once that is a text
dlt.apply_changes("users", "feed", ["id"], "at", once="yes")

# %% NULLs and named columns
dlt.apply_changes("users", "feed", ["id"], "at", ignore_null_updates=True, columns_to_update="changed")

# %% a list of columns to update
dlt.apply_changes("users", "feed", ["id"], "at", columns_to_update=["city"])

# %% a misspelt parameter
dlt.apply_changes("users", "feed", ["id"], "at", apply_as_delete="op = 'D'")

# %% a name that is no text
dlt.apply_changes("users", "feed", ["id"], "at", flow_name=5)


# %% put on a function
@dlt.apply_changes(target="users", source="feed", keys=["id"], sequence_by="at")
def feed(): ...
