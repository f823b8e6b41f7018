-- %% a variable without a value, and one with nearly its name
CREATE MATERIALIZED VIEW a AS SELECT '${regoin}';
-- %% a variable without a value
CREATE MATERIALIZED VIEW a AS
SELECT * FROM b WHERE x = ${threshold};
-- %% a variable that is set too late
CREATE MATERIALIZED VIEW a AS SELECT '${late}';
SET late = 1;
-- %% a variable in the name of a table
CREATE MATERIALIZED VIEW ${prefix}_a AS SELECT 1;
-- %% a variable without a name
CREATE MATERIALIZED VIEW a AS SELECT ${};
-- %% a variable that does not end
CREATE MATERIALIZED VIEW a COMMENT ${region AS SELECT 1;
-- %% a parameter without a value, and one with nearly its name
CREATE MATERIALIZED VIEW a AS SELECT * FROM b WHERE day > :dya;
-- %% a parameter without a value
CREATE MATERIALIZED VIEW a AS SELECT * FROM IDENTIFIER(:table);
-- %% the mistake stands behind a variable
CREATE MATERIALIZED VIEW a COMMENT '${region} ${region}' COMENT 'd' AS SELECT 1;
-- %% the mistake is in a variable
CREATE MATERIALIZED VIEW a ${part} AS SELECT 1;
-- %% a parameter without a value, behind a variable
CREATE MATERIALIZED VIEW a COMMENT '${part}' AS SELECT * FROM b WHERE day > :dya;
