"""The steps of an update, decided before anything is done."""
