-- Redshift: new rows of {{table}}, for sync {{sync}} (source.feed: append). UNLOAD takes only a literal path, and each run
-- needs one of its own so that no file is written twice with other rows: a procedure puts the statement together.
-- Rows that arrive later with an older {{time}} are missed: compare the column that says when a row was loaded, if there
-- is one, or reach further back; what was sent is not sent again.
CREATE OR REPLACE PROCEDURE driftless_{{sync}}() AS $$
DECLARE
  until_at TIMESTAMP := DATE_TRUNC('{{unit}}', GETDATE());
  from_at TIMESTAMP := DATEADD({{unit}}, -1, DATE_TRUNC('{{unit}}', GETDATE()));
BEGIN
  EXECUTE 'UNLOAD (' || QUOTE_LITERAL(
      'SELECT * FROM {{table}} WHERE {{time}} >= ' || QUOTE_LITERAL(TO_CHAR(from_at, 'YYYY-MM-DD HH24:MI:SS'))
      || ' AND {{time}} < ' || QUOTE_LITERAL(TO_CHAR(until_at, 'YYYY-MM-DD HH24:MI:SS')))
    || ') TO ' || QUOTE_LITERAL('{{root}}{{prefix}}' || TO_CHAR(until_at, 'YYYYMMDDHH24') || '_')
    || ' IAM_ROLE default FORMAT AS PARQUET';
END;
$$ LANGUAGE plpgsql;
-- As a scheduled query, {{often}} (cron {{cron}}):
CALL driftless_{{sync}}();
