"""The Spark session and what is particular to it. The only package that uses private Spark names."""
