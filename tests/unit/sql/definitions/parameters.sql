-- Parameters stand for strings, and for names in IDENTIFIER.
CREATE MATERIALIZED VIEW a AS SELECT * FROM IDENTIFIER(:source) WHERE day > :day AND name = :odd;
CREATE MATERIALIZED VIEW b AS SELECT details:day, details:a.b::int, ':day', `:day`, CAST(NULL AS STRUCT<day:INT>) -- :nothing
FROM identifier( :source ) LIMIT :day;
CREATE FLOW f AS AUTO CDC INTO c FROM STREAM(b) KEYS (id) WHERE day > :day SEQUENCE BY at;
CREATE STREAMING TABLE c FLOW REPLACE WHERE day = :day BY NAME SELECT * FROM b;
CREATE STREAMING TABLE d (CONSTRAINT ok EXPECT (day >= :day)) AS SELECT * FROM STREAM b WHERE x IN (:day,:odd) AND y ILIKE :odd;
