import dlt

# %% an argument
dlt.enable_local_execution(True)
