-- Queries over the platform's sources: to the parser, each is text.
CREATE STREAMING TABLE a AS SELECT * FROM STREAM(b);
CREATE STREAMING TABLE a AS SELECT x.* FROM stream( LIVE.b ) x;
CREATE STREAMING TABLE a AS SELECT * FROM STREAM delta.`/mnt/it's/a;b`;
CREATE MATERIALIZED VIEW a AS SELECT * FROM json.`/p` UNION ALL SELECT * FROM parquet.`/p` UNION ALL SELECT * FROM csv.`/p`;
CREATE MATERIALIZED VIEW a AS SELECT * FROM text.`dbfs:/p;q`;
CREATE MATERIALIZED VIEW a AS SELECT * FROM read_files('/p', format => 'json', header => "true", multiLine => true);
CREATE STREAMING TABLE a AS SELECT * FROM STREAM read_files("/p/*.csv", schema => 'id INT, name STRING');
CREATE STREAMING TABLE a AS SELECT * FROM STREAM(read_files('/p', schemaHints => 'a.b INT'));
CREATE STREAMING LIVE TABLE a AS SELECT * FROM cloud_files('/p', 'json', map('cloudFiles.inferColumnTypes', 'true'));
CREATE INCREMENTAL LIVE TABLE a AS SELECT * FROM cloud_files("/p", "csv");
CREATE STREAMING TABLE a AS SELECT value::string:id::int FROM STREAM read_kafka(
  bootstrapServers => 'h:9092', subscribe => 't', `kafka.security.protocol` => 'SSL' -- ; not the end
);
CREATE STREAMING TABLE a AS SELECT * FROM STREAM read_kafka(bootstrapServers => '${host}:9092', subscribe => :topic);
CREATE STREAMING TABLE a AS SELECT * FROM STREAM b WITH (readChangeFeed = true, skipChangeCommits = true);
CREATE STREAMING TABLE a AS SELECT * FROM STREAM read_stream('b', skipChangeCommits => true);
CREATE MATERIALIZED VIEW a AS SELECT * FROM table_changes('b', 2) WHERE _change_type <> 'delete';
CREATE MATERIALIZED VIEW a AS SELECT * FROM range(1000);
CREATE MATERIALIZED VIEW a AS SELECT timestamp, details:flow_progress.metrics.num_output_rows FROM event_log(TABLE(b));
CREATE MATERIALIZED VIEW a AS SELECT details:user_action:action FROM event_log('04c78631-3dd7-4856-b2a6-7d84e9b2638b');
CREATE STREAMING TABLE a AS SELECT window(at, '5 minutes'), count(*) FROM STREAM(b) WATERMARK at DELAY OF INTERVAL 10 MINUTES
GROUP BY ALL;
CREATE STREAMING TABLE a AS SELECT * EXCEPT (x) FROM STREAM b WATERMARK at DELAY OF INTERVAL 1 HOUR AS c JOIN d USING (id)
QUALIFY row_number() OVER (PARTITION BY id ORDER BY at DESC) = 1;
CREATE MATERIALIZED VIEW a AS VALUES (1, 'a'), (2, 'b;');
CREATE MATERIALIZED VIEW a AS TABLE b;
CREATE MATERIALIZED VIEW a AS SELECT /*+ BROADCAST(c) */ transform(xs, x -> x + 1), m['k;'], s.f, 1.5e3, .5D, 2L, X'1F', r'\d;'
FROM b JOIN c ON b.id <=> c.id;
CREATE MATERIALIZED VIEW a AS SELECT * FROM IDENTIFIER(:source) WHERE day >= :day;
CREATE MATERIALIZED VIEW a AS SELECT * FROM b WHERE create OR apply;
