import dlt

# %% nothing
dlt.create_auto_cdc_from_snapshot_flow()

# %% no source
dlt.create_auto_cdc_from_snapshot_flow("users", keys=["id"])

# %% no keys
dlt.create_auto_cdc_from_snapshot_flow("users", "daily")

# %% a source that is a number
dlt.create_auto_cdc_from_snapshot_flow("users", 7, ["id"])

# %% a snapshot without a version
dlt.create_auto_cdc_from_snapshot_flow("users", ("rows",), ["id"])

# %% two sources
dlt.create_auto_cdc_from_snapshot_flow("users", "daily", ["id"], snapshot_and_version=lambda last: None)

# %% a function that takes no version
dlt.create_auto_cdc_from_snapshot_flow("users", lambda: None, ["id"])

# %% keys that are a function
dlt.create_auto_cdc_from_snapshot_flow("users", "daily", lambda row: row.id)

# %% a type that there is not
dlt.create_auto_cdc_from_snapshot_flow("users", "daily", ["id"], 0)

# %% a history both ways
dlt.create_auto_cdc_from_snapshot_flow(
    "users", "daily", ["id"], 2, track_history_column_list=["city"], track_history_except_column_list=["seen"]
)

# %% a history of type 1
dlt.create_auto_cdc_from_snapshot_flow("users", "daily", ["id"], track_history_column_list=["city"])

# %% a target that is no text
dlt.create_auto_cdc_from_snapshot_flow(["users"], "daily", ["id"])

# %% a parameter of change feeds
dlt.create_auto_cdc_from_snapshot_flow("users", "daily", ["id"], sequence_by="at")

# %% a misspelt parameter
dlt.create_auto_cdc_from_snapshot_flow("users", "daily", key=["id"])
