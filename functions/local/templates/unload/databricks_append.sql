-- Databricks: new rows of {{table}} as a job {{often}} (cron {{cron}}), for sync {{sync}} (source.feed: append).
-- :from and :until are job parameters: the moment up to which the run before went, and now. Each run has its own folder.
INSERT OVERWRITE DIRECTORY '{{root}}{{prefix}}' || date_format(:until, 'yyyyMMdd-HHmmss') || '/'
USING PARQUET OPTIONS ('compression' = 'zstd')
SELECT * FROM {{table}} WHERE {{time}} >= :from AND {{time}} < :until;
