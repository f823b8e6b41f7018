import dlt


# %% a function that takes no event
@dlt.on_event_hook
def tell(): ...


# %% a function that takes too much
@dlt.on_event_hook(max_allowable_consecutive_failures=3)
def tell(event, details): ...


# %% a negative limit
@dlt.on_event_hook(max_allowable_consecutive_failures=-1)
def tell(event): ...


# %% a limit that is a text
@dlt.on_event_hook(max_allowable_consecutive_failures="3")
def tell(event): ...


# %% a limit without its name
@dlt.on_event_hook(3)
def tell(event): ...


# %% something that is no function
dlt.on_event_hook()(5)


# %% a misspelt parameter
@dlt.on_event_hook(max_allowable_failures=3)
def tell(event): ...


# %% put on no function
dlt.on_event_hook(max_allowable_consecutive_failures=3)
