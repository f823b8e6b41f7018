-- %% the first word is misspelt
CREAT STREAMING TABLE a AS SELECT * FROM STREAM b;
-- %% so is REFRESH
CREATE OR REFERSH STREAMING TABLE a AS SELECT * FROM STREAM b;
-- %% OR is missing
CREATE REFRESH MATERIALIZED VIEW a AS SELECT 1;
-- %% the kind is misspelt
CREATE OR REFRESH STREAMIN TABLE a AS SELECT * FROM STREAM b;
-- %% its second word is
create or refresh streaming tabel a as select * from stream b;
-- %% a materialized table
CREATE OR REFRESH MATERIALIZED TABLE a AS SELECT 1;
-- %% MATERIALISED
CREATE MATERIALISED VIEW a AS SELECT 1;
-- %% TEMPORAY
CREATE TEMPORAY VIEW a AS SELECT 1;
-- %% words in the wrong order
CREATE OR REFRESH STREAMING PRIVATE TABLE a AS SELECT * FROM STREAM b;
-- %% a table that is none of the pipeline
CREATE OR REPLACE TABLE a AS SELECT 1;
-- %% the name is missing
CREATE MATERIALIZED VIEW AS SELECT 1;
-- %% the name ends in a dot
CREATE MATERIALIZED VIEW main. AS SELECT 1;
-- %% a name that no table can have
CREATE STREAMING TABLE `a table` AS SELECT * FROM STREAM b;
-- %% a name with a hyphen
CREATE STREAMING TABLE my-table AS SELECT * FROM STREAM b;
-- %% the name stands in quotes
CREATE STREAMING TABLE 'a' AS SELECT * FROM STREAM b;
-- %% AS is missing
CREATE OR REFRESH MATERIALIZED VIEW a SELECT 1;
-- %% AS is missing before WITH
CREATE OR REFRESH MATERIALIZED VIEW a
WITH x AS (SELECT 1) SELECT * FROM x;
-- %% AS is missing behind a clause
CREATE STREAMING TABLE a COMMENT 'c' (SELECT * FROM STREAM b);
-- %% the query is missing
CREATE MATERIALIZED VIEW a COMMENT 'a table' AS

;
-- %% a view without a query
CREATE TEMPORARY VIEW a;
-- %% a semicolon is missing, and with it the second table would be lost
CREATE MATERIALIZED VIEW a AS SELECT 1
CREATE MATERIALIZED VIEW b AS SELECT 2;
-- %% a flow with OR REFRESH
CREATE OR REFRESH FLOW f AS INSERT INTO a BY NAME SELECT * FROM STREAM b;
-- %% a function without anything
CREATE FUNCTION f;
