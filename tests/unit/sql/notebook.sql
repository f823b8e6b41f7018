-- Databricks notebook source
-- MAGIC %md
-- MAGIC # A title; with a semicolon
-- COMMAND ----------
-- DBTITLE 1,Settings
SET region = eu
-- COMMAND ----------
-- only a comment; nothing else

-- COMMAND ----------
CREATE STREAMING TABLE a AS SELECT * FROM STREAM b WHERE region = '${region}'
-- COMMAND ----------

CREATE MATERIALIZED VIEW c AS SELECT count(*) FROM a;
CREATE MATERIALIZED VIEW d AS SELECT count(*) FROM a   -- no semicolon
-- COMMAND ----------
/* CREATE MATERIALIZED VIEW e AS SELECT 1; */
CREATE MATERIALIZED VIEW f AS SELECT '-- COMMAND ----------' AS x, "${prefix}/y" AS y;;
;
