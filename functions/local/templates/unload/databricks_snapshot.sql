-- Databricks: the whole of {{table}} as a job {{often}} (cron {{cron}}), for sync {{sync}}.
-- Or point source.prefix at the Delta table itself, if its files lie under {{root}}: its log says which of them count.
INSERT OVERWRITE DIRECTORY '{{root}}{{prefix}}'
USING PARQUET OPTIONS ('compression' = 'zstd')
SELECT * FROM {{table}};
