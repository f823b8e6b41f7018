"""The SQL of pipelines: lexer, parser and statements as data. Nothing here needs Spark."""
