import dlt

# %% nothing
dlt.apply_changes_from_snapshot()

# %% no source
dlt.apply_changes_from_snapshot("users", keys=["id"])

# %% no keys
dlt.apply_changes_from_snapshot("users", "daily")

# %% a source that is a number
dlt.apply_changes_from_snapshot("users", 7, ["id"])

# %% a snapshot without a version
dlt.apply_changes_from_snapshot("users", ("rows",), ["id"])

# %% two sources
dlt.apply_changes_from_snapshot("users", "daily", ["id"], snapshot_and_version=lambda last: None)

# %% a function that takes no version
dlt.apply_changes_from_snapshot("users", lambda: None, ["id"])

# %% keys that are a function
dlt.apply_changes_from_snapshot("users", "daily", lambda row: row.id)

# %% a type that there is not
dlt.apply_changes_from_snapshot("users", "daily", ["id"], 0)

# %% a history both ways
dlt.apply_changes_from_snapshot(
    "users", "daily", ["id"], 2, track_history_column_list=["city"], track_history_except_column_list=["seen"]
)

# %% a history of type 1
dlt.apply_changes_from_snapshot("users", "daily", ["id"], track_history_column_list=["city"])

# %% a target that is no text
dlt.apply_changes_from_snapshot(["users"], "daily", ["id"])

# %% a parameter of change feeds
dlt.apply_changes_from_snapshot("users", "daily", ["id"], sequence_by="at")

# %% a misspelt parameter
dlt.apply_changes_from_snapshot("users", "daily", key=["id"])
