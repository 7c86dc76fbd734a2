-- Databricks: the changes of {{table}} as a job {{often}} (cron {{cron}}), for sync {{sync}} (source.feed: change).
-- Once: ALTER TABLE {{table}} SET TBLPROPERTIES (delta.enableChangeDataFeed = true);
-- :from and :until are job parameters: the version after the last one of the run before, and the latest version.
-- The path of a directory is a literal, so the statement is put together first (Databricks Runtime 14.3 or later, or a
-- SQL warehouse). Each run has its own folder.
DECLARE OR REPLACE VARIABLE unload STRING;
SET VAR unload = "INSERT OVERWRITE DIRECTORY '{{root}}{{prefix}}" || :from || "-" || :until || "/'
USING PARQUET OPTIONS ('compression' = 'zstd')
SELECT * FROM table_changes('{{table}}', " || :from || ", " || :until || ")";
EXECUTE IMMEDIATE unload;
