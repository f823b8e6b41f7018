"""Auto Loader: reads each file that arrives in a folder once, and rescues what does not fit the schema.

`loader` opens a source; `stream` is the source that Spark calls, and `batches` does its work for each micro-batch.
Below them, `find` lists files and numbers them in a ledger, `schema` infers and stores schemas, and `read` reads files
with Spark.
"""
