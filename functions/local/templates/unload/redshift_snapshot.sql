-- Redshift: the whole of {{table}}, as a scheduled query {{often}} (cron {{cron}}), for sync {{sync}}
-- (source.complete: manifest). The manifest lists the files that count, so older ones may stay.
UNLOAD ('SELECT * FROM {{table}}')
TO '{{root}}{{prefix}}'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST VERBOSE
ALLOWOVERWRITE;
