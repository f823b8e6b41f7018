"""The rows that are sent: sensor readings as JSON lines or as columns, and changes of the device registry."""
