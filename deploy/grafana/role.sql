-- The role that Grafana uses: it may read everything in this database and change nothing. Run it by a superuser:
--   psql -v password=… -f role.sql
-- It can run again, and then sets the password.
SELECT 'CREATE ROLE grafana' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'grafana') \gexec
ALTER ROLE grafana LOGIN PASSWORD :'password';
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '30s';
GRANT pg_read_all_data TO grafana;  -- also of tables that Weir makes later; PostgreSQL 14 or later
