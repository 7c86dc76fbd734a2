-- Databricks: new rows of {{table}} as a job {{often}} (cron {{cron}}), for sync {{sync}} (source.feed: append).
-- :from and :until are job parameters such as 2026-11-24 04:00:00: the moment up to which the run before went, and now.
-- Rows that arrive later with an older {{time}} are missed: compare the column that says when a row was loaded, if there
-- is one, or reach further back; what was sent is not sent again.
-- The path of a directory is a literal, so the statement is put together first (Databricks Runtime 14.3 or later, or a
-- SQL warehouse). Each run has its own folder.
DECLARE OR REPLACE VARIABLE unload STRING;
SET VAR unload = "INSERT OVERWRITE DIRECTORY '{{root}}{{prefix}}" || date_format(:until, 'yyyyMMdd-HHmmss') || "/'
USING PARQUET OPTIONS ('compression' = 'zstd')
SELECT * FROM {{table}} WHERE {{time}} >= TIMESTAMP '" || :from || "' AND {{time}} < TIMESTAMP '" || :until || "'";
EXECUTE IMMEDIATE unload;
