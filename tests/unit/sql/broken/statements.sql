-- %% a query
SELECT * FROM a;
-- %% a query in brackets
(SELECT 1);
-- %% INSERT
INSERT INTO a SELECT * FROM b;
-- %% MERGE
MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET *;
-- %% DROP
DROP TABLE IF EXISTS a;
-- %% DELETE
delete from a where id = 1;
-- %% UPDATE
UPDATE a SET x = 1;
-- %% TRUNCATE
TRUNCATE TABLE a;
-- %% ALTER
ALTER TABLE a ADD COLUMN x INT;
-- %% REFRESH
REFRESH MATERIALIZED VIEW a;
-- %% DECLARE
DECLARE x INT DEFAULT 1;
-- %% CREATE SCHEMA
CREATE SCHEMA IF NOT EXISTS bronze;
-- %% APLY
APLY CHANGES INTO a FROM STREAM(b) KEYS (id) SEQUENCE BY at;
-- %% Python
import dlt
-- %% SET without =
SET spark.sql.ansi.enabled false;
-- %% SET without a value
SET region = ;
-- %% SET without a key
SET = eu;
-- %% two SET, and no semicolon
SET region = eu
SET limit = 10;
-- %% SET, then CREATE, and no semicolon
SET region = eu
CREATE MATERIALIZED VIEW a AS SELECT 1;
-- %% SET TIME ZONE with =
SET TIME ZONE = 'UTC';
-- %% SET TIME ZONE without quotes
SET TIME ZONE UTC;
-- %% USE with too much
USE CATALOG main bronze;
-- %% USE without a name
USE SCHEMA;
-- %% bad ones beside a good one
CREATE MATERIALIZED VIEW a AS SELECT 1;
CREATE MATERIALISED VIEW b AS SELECT 1;
  INSERT INTO a SELECT 2;
CREATE STREAMING TABLE c COMENT 'c' AS SELECT * FROM STREAM a;
CREATE MATERIALIZED VIEW d AS SELECT 1;
-- %% names taken twice
CREATE MATERIALIZED VIEW a AS SELECT 1;
CREATE STREAMING TABLE A AS SELECT * FROM STREAM b;
