package operator

import (
	"fmt"
	"slices"
	"strings"
)

// foreignDatabase is a database that Airflow's providers speak to and no driver here does.
type foreignDatabase struct {
	// name is for people, class the beginning of the names of its operators.
	name, class string
	// conn are the parameters that name its connection.
	conn []string
}

var foreignDatabases = []foreignDatabase{
	{"Athena", "Athena", nil},
	{"BigQuery", "BigQuery", []string{"bigquery_conn_id"}},
	{"Databricks SQL", "DatabricksSql", []string{"databricks_conn_id"}},
	{"Drill", "Drill", []string{"drill_conn_id"}},
	{"Druid", "Druid", []string{"druid_broker_conn_id", "druid_ingest_conn_id"}},
	{"Exasol", "Exasol", []string{"exasol_conn_id"}},
	{"Hive", "Hive", []string{"hive_cli_conn_id", "hiveserver2_conn_id", "metastore_conn_id"}},
	{"Impala", "Impala", []string{"impala_conn_id"}},
	{"JDBC", "Jdbc", []string{"jdbc_conn_id"}},
	{"Oracle", "Oracle", []string{"oracle_conn_id"}},
	{"Pinot", "Pinot", nil},
	{"Presto", "Presto", []string{"presto_conn_id"}},
	{"Redshift", "RedshiftSQL", []string{"redshift_conn_id"}},
	{"SQL Server", "MsSql", []string{"mssql_conn_id"}},
	{"Snowflake", "Snowflake", []string{"snowflake_conn_id"}},
	{"Teradata", "Teradata", []string{"teradata_conn_id"}},
	{"Trino", "Trino", []string{"trino_conn_id"}},
	{"Vertica", "Vertica", []string{"vertica_conn_id"}},
}

// NoDriver reports whether name is an operator of Airflow for a database that nothing here
// speaks to, its checks and sensors included, and says which databases work. It takes
// Airflow's dotted paths and bare class names. Unlike the names of [Rejected] these may be
// registered by a program that brings the driver.
func NoDriver(name string) (message string, ok bool) {
	module, class, dotted := cutLast(name)
	if dotted && !strings.HasPrefix(module, "airflow.") || !strings.HasSuffix(class, "Operator") && !strings.HasSuffix(class, "Sensor") {
		return "", false
	}
	i := slices.IndexFunc(foreignDatabases, func(d foreignDatabase) bool { return strings.HasPrefix(class, d.class) })
	if i < 0 {
		return "", false
	}
	return fmt.Sprintf("there is no driver for %s here: the SQL operators work with PostgreSQL, MySQL (also MariaDB) and SQLite; "+
		"use bash with the database's own client, or http to call its API", foreignDatabases[i].name), true
}

// NoDriverParams are the parameters by which operators of those databases name their
// connection: default_args may hold them, and they have no effect.
func NoDriverParams() []string {
	var all []string
	for _, d := range foreignDatabases {
		all = append(all, d.conn...)
	}
	return all
}
