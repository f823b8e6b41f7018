-- %% COMENT
CREATE STREAMING TABLE a COMENT 'a table' AS SELECT * FROM STREAM b;
-- %% TBLPROPERTEIS
CREATE STREAMING TABLE a TBLPROPERTEIS ('quality' = 'bronze') AS SELECT * FROM STREAM b;
-- %% PARTITION BY
CREATE STREAMING TABLE a PARTITION BY (day) AS SELECT * FROM STREAM b;
-- %% PARTITIONED without BY
CREATE STREAMING TABLE a PARTITIONED (day) AS SELECT * FROM STREAM b;
-- %% a clause that no dataset has
CREATE STREAMING TABLE a STORED AS PARQUET AS SELECT * FROM STREAM b;
-- %% a comment without quotes
CREATE STREAMING TABLE a COMMENT all readings AS SELECT * FROM STREAM b;
-- %% two comments
CREATE STREAMING TABLE a COMMENT 'one'
COMMENT 'two' AS SELECT * FROM STREAM b;
-- %% a property given twice
CREATE STREAMING TABLE a
TBLPROPERTIES ('quality' = 'bronze', "quality" = 'silver') AS SELECT * FROM STREAM b;
-- %% a property without a value
CREATE STREAMING TABLE a TBLPROPERTIES ('quality', 'owner' = 'me') AS SELECT * FROM STREAM b;
-- %% a property whose value is a word
CREATE STREAMING TABLE a TBLPROPERTIES ('quality' = bronze) AS SELECT * FROM STREAM b;
-- %% properties with colons
CREATE STREAMING TABLE a TBLPROPERTIES ('quality': 'bronze') AS SELECT * FROM STREAM b;
-- %% properties without brackets
CREATE STREAMING TABLE a TBLPROPERTIES 'quality' = 'bronze' AS SELECT * FROM STREAM b;
-- %% a bracket that is not closed
CREATE STREAMING TABLE a TBLPROPERTIES ('quality' = 'bronze' AS SELECT * FROM STREAM b;
-- %% the bracket of columns is not closed
CREATE STREAMING TABLE a PARTITIONED BY (day;
-- %% partitions and clusters
CREATE STREAMING TABLE a PARTITIONED BY (day) COMMENT 'c' CLUSTER BY (id) AS SELECT * FROM STREAM b;
-- %% clusters and automatic ones
CREATE STREAMING TABLE a CLUSTER BY AUTO CLUSTER BY (id) AS SELECT * FROM STREAM b;
-- %% a partitioned view
CREATE TEMPORARY VIEW a PARTITIONED BY (day) AS SELECT 1 AS day;
-- %% a format that is not Delta
CREATE STREAMING TABLE a USING parquet AS SELECT * FROM STREAM b;
-- %% a row filter without columns
CREATE STREAMING TABLE a WITH ROW FILTER seen AS SELECT * FROM STREAM b;
-- %% WITH ROW FILTRE
CREATE STREAMING TABLE a WITH ROW FILTRE seen ON (region) AS SELECT * FROM STREAM b;
-- %% a policy that there is not
CREATE MATERIALIZED VIEW a REFRESH POLICY INCREMENTEL AS SELECT 1;
-- %% a policy for a streaming table
CREATE STREAMING TABLE a REFRESH POLICY FULL AS SELECT * FROM STREAM b;
-- %% a schedule for a view
CREATE VIEW a SCHEDULE EVERY 1 HOUR AS SELECT 1;
-- %% a flow in a materialized view
CREATE MATERIALIZED VIEW a FLOW INSERT BY NAME SELECT 1;
-- %% a location without quotes
CREATE STREAMING TABLE a LOCATION /mnt/a AS SELECT * FROM STREAM b;
