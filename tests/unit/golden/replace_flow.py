import dlt


# %% it does not run here yet
@dlt.replace_flow(target="orders", replace_using=["id"], sequence_by="at")
def sending(): ...
