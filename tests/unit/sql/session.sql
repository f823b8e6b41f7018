-- SET, USE, functions.
SET k = v;
set spark.sql.shuffle.partitions = 4;
SET spark.source;
SET k = 'quoted; value';
SET `a.b` = 2026-01-01 12:00:00;
SET path = /mnt/x, with spaces   ;
SET TIME ZONE 'UTC';
USE CATALOG main;
use schema s;
USE DATABASE `my schema`;
USE main.s;
USE s;
USE SCHEMA main.s;
CREATE FUNCTION double(x INT) RETURNS INT RETURN x * 2;
CREATE OR REPLACE FUNCTION s.f(x STRING) RETURNS STRING COMMENT 'c;' RETURN upper(x);
CREATE TEMPORARY FUNCTION g() RETURNS INT RETURN 1;
CREATE OR REPLACE TEMPORARY FUNCTION g() RETURNS INT RETURN (SELECT 1);
set time zone "Europe/Vienna";
SET a.b-c=-1.5 -- the value ends before the comment
;
SET k = `quoted; key`;
SET date = '2026-01-01' ;
SET -v;
use database live.s;
CREATE FUNCTION IF NOT EXISTS main.s.h(x STRUCT<a: INT>) RETURNS TABLE (y INT) RETURN SELECT x.a;
