"""Pure functions DataFrame -> DataFrame. They import no dlt and read no configuration."""
