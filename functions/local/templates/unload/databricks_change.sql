-- Databricks: the changes of {{table}} as a job {{often}} (cron {{cron}}), for sync {{sync}} (source.feed: change).
-- Once: ALTER TABLE {{table}} SET TBLPROPERTIES (delta.enableChangeDataFeed = true);
-- :from and :until are job parameters: the version after the last one of the run before, and the latest version.
INSERT OVERWRITE DIRECTORY '{{root}}{{prefix}}' || :from || '-' || :until || '/'
USING PARQUET OPTIONS ('compression' = 'zstd')
SELECT * FROM table_changes('{{table}}', :from, :until);
