-- %% a constraint outside of the brackets
CREATE STREAMING TABLE a
CONSTRAINT ok EXPECT (id IS NOT NULL) ON VIOLATION DROP ROW
AS SELECT * FROM STREAM b;
-- %% a constraint without a name
CREATE STREAMING TABLE a (CONSTRAINT EXPECT (id IS NOT NULL)) AS SELECT * FROM STREAM b;
-- %% a constraint without brackets
CREATE STREAMING TABLE a (CONSTRAINT ok EXPECT id IS NOT NULL) AS SELECT * FROM STREAM b;
-- %% a constraint without a condition
CREATE STREAMING TABLE a (CONSTRAINT ok EXPECT ()) AS SELECT * FROM STREAM b;
-- %% a condition whose bracket is not closed
CREATE STREAMING TABLE a (CONSTRAINT ok EXPECT (id IS NOT NULL AND (x > 1)) AS SELECT * FROM STREAM b;
-- %% CONSTRANT
CREATE STREAMING TABLE a (CONSTRANT ok EXPECT (id > 0)) AS SELECT * FROM STREAM b;
-- %% EXPCT
CREATE STREAMING TABLE a (CONSTRAINT ok EXPCT (id > 0)) AS SELECT * FROM STREAM b;
-- %% ON VIOLATON
CREATE STREAMING TABLE a (CONSTRAINT ok EXPECT (id > 0) ON VIOLATON DROP ROW) AS SELECT * FROM STREAM b;
-- %% DROP ROWS
CREATE STREAMING TABLE a (CONSTRAINT ok EXPECT (id > 0) ON VIOLATION DROP ROWS) AS SELECT * FROM STREAM b;
-- %% FAIL alone
CREATE STREAMING TABLE a (CONSTRAINT ok EXPECT (id > 0) ON VIOLATION FAIL) AS SELECT * FROM STREAM b;
-- %% FAIL TABLE
CREATE STREAMING TABLE a (CONSTRAINT ok EXPECT (id > 0) ON VIOLATION FAIL TABLE) AS SELECT * FROM STREAM b;
-- %% an action that there is not
CREATE STREAMING TABLE a (CONSTRAINT ok EXPECT (id > 0) ON VIOLATION IGNORE) AS SELECT * FROM STREAM b;
-- %% ON VIOLATION is missing
CREATE STREAMING TABLE a (CONSTRAINT ok EXPECT (id > 0) DROP ROW) AS SELECT * FROM STREAM b;
-- %% a comma is missing between two constraints
CREATE STREAMING TABLE a (
  CONSTRAINT one EXPECT (id > 0)
  CONSTRAINT two EXPECT (id < 9)
) AS SELECT * FROM STREAM b;
-- %% a comma is missing behind a column
CREATE STREAMING TABLE a (
  id INT
  CONSTRAINT ok EXPECT (id > 0)
) AS SELECT * FROM STREAM b;
-- %% a comma too many
CREATE STREAMING TABLE a (id INT, name STRING,) AS SELECT * FROM STREAM b;
-- %% an empty list
CREATE STREAMING TABLE a () AS SELECT * FROM STREAM b;
-- %% a list that is not closed
CREATE STREAMING TABLE a (id INT, name STRING AS SELECT * FROM STREAM b;
-- %% a constraint on a published view
CREATE VIEW a (CONSTRAINT ok EXPECT (id > 0) ON VIOLATION DROP ROW) AS SELECT 1 AS id;
-- %% a column without a type among others
CREATE STREAMING TABLE a (id INT, name, day DATE) AS SELECT * FROM STREAM b;
-- %% another one, with a comment
CREATE MATERIALIZED VIEW a (
  id INT,
  name COMMENT 'the name'
) AS SELECT 1, 2;
-- %% a column without a type that may not be NULL
CREATE MATERIALIZED VIEW a (id NOT NULL) AS SELECT 1;
-- %% a view whose columns have types
CREATE TEMPORARY VIEW a (id INT COMMENT 'the key') AS SELECT 1;
-- %% a masked column
CREATE STREAMING TABLE a (id INT, name STRING MASK hide) AS SELECT * FROM STREAM b;
-- %% one of two names of a constraint is taken
CREATE STREAMING TABLE a (CONSTRAINT ok EXPECT (id > 0), CONSTRAINT ok EXPECT (id < 9)) AS SELECT * FROM STREAM b;
-- %% a key that is no key
CREATE STREAMING TABLE a (id INT, CONSTRAINT pk PRIMRY KEY (id)) AS SELECT * FROM STREAM b;
-- %% a masked column, with other columns
CREATE STREAMING TABLE a (name STRING COMMENT 'c' MASK main.s.hide USING COLUMNS (region)) AS SELECT * FROM STREAM b;
