-- %% a string that does not end
CREATE MATERIALIZED VIEW a COMMENT 'all readings AS SELECT 1;
-- %% one in double quotes
CREATE MATERIALIZED VIEW a COMMENT "all readings' AS SELECT 1;
-- %% an apostrophe in a string
CREATE MATERIALIZED VIEW a COMMENT 'the plant's readings' AS SELECT 1;
-- %% a backslash before the last quote
CREATE STREAMING TABLE a LOCATION 'C:\data\' AS SELECT 1;
-- %% a comment that does not end
CREATE MATERIALIZED VIEW a AS SELECT 1; /* and then
CREATE MATERIALIZED VIEW b AS SELECT 1;
-- %% a comment in a comment that does not end
CREATE MATERIALIZED VIEW a /* one /* two */ AS SELECT 1;
-- %% a name in back-quotes that does not end
CREATE MATERIALIZED VIEW `a AS SELECT 1;
-- %% a bracket too many
CREATE MATERIALIZED VIEW a (CONSTRAINT ok EXPECT (id > 0))) AS SELECT 1;
-- %% a typographic quote
CREATE MATERIALIZED VIEW a COMMENT ’c’ AS SELECT 1;
-- %% a tab before the mistake
CREATE MATERIALIZED VIEW a
	COMMENT	'c'	COMENT 'd' AS SELECT 1;
-- %% what stands before and behind the cell still counts
CREATE MATERIALIZED VIEW a SELECT 1;
CREATE MATERIALIZED VIEW b COMMENT 'b AS SELECT 1;
-- COMMAND ----------
CREATE MATERIALIZED VIEW c SELECT 1;
-- %% a quote that a variable brings
CREATE MATERIALIZED VIEW a COMMENT '${apostrophe}' AS SELECT 1;
-- %% a cell ends in the middle
CREATE MATERIALIZED VIEW a COMMENT 'c'

-- COMMAND ----------
AS SELECT 1;
