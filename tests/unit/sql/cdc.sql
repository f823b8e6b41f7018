-- AUTO CDC and APPLY CHANGES, with each of their clauses.
CREATE FLOW f AS AUTO CDC INTO a FROM STREAM(b) KEYS (id) SEQUENCE BY at;
create flow f as auto cdc into live.a from stream b keys (id, `the day`) sequence by at stored as scd type 1;
CREATE FLOW f COMMENT 'c' AS AUTO CDC ONCE INTO a FROM b KEYS (id) SEQUENCE BY at STORED AS SCD TYPE 2;
CREATE FLOW f AS APPLY CHANGES INTO a FROM STREAM(LIVE.b) KEYS (id) SEQUENCE BY at;
APPLY CHANGES INTO LIVE.a FROM STREAM(LIVE.b) KEYS (id) SEQUENCE BY at;
apply changes into a from stream(b) keys (id) apply as delete when op = 'DELETE' sequence by at columns * except (op, at)
stored as scd type 2;
AUTO CDC INTO a FROM STREAM b KEYS (id) SEQUENCE BY at;
AUTO CDC INTO s.a FROM STREAM(s.b) KEYS (id) APPLY AS TRUNCATE WHEN op = 'T' APPLY AS DELETE WHEN (op = 'D') SEQUENCE BY at;
APPLY CHANGES INTO a FROM STREAM(b) KEYS (id) IGNORE NULL UPDATES SEQUENCE BY at;
APPLY CHANGES INTO a FROM STREAM(b) KEYS (id) IGNORE NULL UPDATES ON (x, y) SEQUENCE BY at;
APPLY CHANGES INTO a FROM STREAM(b) KEYS (id) IGNORE NULL UPDATES ON * EXCEPT (x) SEQUENCE BY at;
APPLY CHANGES INTO a FROM STREAM(b) KEYS (id) WHERE at > '2026-01-01' SEQUENCE BY at;
APPLY CHANGES INTO a FROM STREAM(b) KEYS (id) WHERE op IN ('I', 'U') APPLY AS DELETE WHEN op = 'D' SEQUENCE BY at;
APPLY CHANGES INTO a FROM STREAM(b) KEYS (id) SEQUENCE BY STRUCT(at, number) STORED AS SCD TYPE 2;
APPLY CHANGES INTO a FROM STREAM(b) KEYS (id) SEQUENCE BY at COLUMNS (id, name);
APPLY CHANGES INTO a FROM STREAM(b) KEYS (id) SEQUENCE BY at COLUMNS id, name STORED AS SCD TYPE 1;
APPLY CHANGES INTO a FROM STREAM(b) KEYS (id) SEQUENCE BY at COLUMNS TO UPDATE changed;
APPLY CHANGES INTO a FROM STREAM(b) KEYS (id) SEQUENCE BY at STORED AS SCD TYPE 2 TRACK HISTORY ON (name, city);
APPLY CHANGES INTO a FROM STREAM(b) KEYS (id) SEQUENCE BY at STORED AS SCD TYPE 2 TRACK HISTORY ON name, city;
APPLY CHANGES INTO a FROM STREAM(b) KEYS (id) SEQUENCE BY at STORED AS SCD TYPE 2 TRACK HISTORY ON * EXCEPT (city);
APPLY CHANGES INTO a FROM STREAM(b) SEQUENCE BY at KEYS (id) STORED AS SCD TYPE 2;
AUTO CDC INTO a FROM STREAM read_files('/p', format => 'json') KEYS (id) SEQUENCE BY coalesce(at, then);
AUTO CDC INTO a FROM STREAM(read_files('/p')) KEYS (id) SEQUENCE BY at;
CREATE FLOW main.s.f AS AUTO CDC INTO main.s.a FROM STREAM main.s.b
  COLUMNS id, name TRACK HISTORY ON * EXCEPT (name, `a b`) STORED AS SCD TYPE 2 SEQUENCE BY STRUCT(at, n)
  APPLY AS DELETE WHEN CASE op WHEN 'D' THEN TRUE ELSE FALSE END WHERE day BETWEEN '2026-01-01' AND current_date() - INTERVAL 3 DAYS
  IGNORE NULL UPDATES ON * EXCEPT (x, y) KEYS (id);
auto cdc into a from (select * from stream b where x is not null) keys(id)apply as truncate when op in('T')sequence by(at)columns(id)
columns to update split(changed, ',');
AUTO CDC INTO a FROM STREAM delta.`/p/q` KEYS (id) SEQUENCE BY at IGNORE NULL UPDATES STORED AS SCD TYPE 1;
AUTO CDC INTO a FROM STREAM b WITH (skipChangeCommits = true) KEYS (id) SEQUENCE BY `where` WHERE `keys` = 1;
create flow f comment 'c' as apply changes once into a from b keys (a.b, c) sequence by at track history on (c) stored as scd type 2;
