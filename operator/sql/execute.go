package sql

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// ExecuteQueryOperator runs SQL in a database. The rows of the last statement are the result
// (XCom), a list of lists; a statement that returns no rows at all, such as an INSERT, has
// none.
//
// The connection has type postgres, mysql (also for MariaDB) or sqlite. Its extra may hold
// connect_timeout, and for PostgreSQL libpq's options such as sslmode, application_name
// and options; for MySQL charset, ssl, ssl_mode, unix_socket, local_infile, read_timeout
// and write_timeout; for SQLite timeout and the parameters of its URIs, such as mode. The
// host of a SQLite connection is the file; without one the database is in memory.
//
// All statements are one transaction, which is rolled back when one of them fails, unless
// autocommit is true. MySQL commits implicitly at statements that define tables. Statements
// that cannot be in a transaction, such as VACUUM, need autocommit: true.
//
// Values in the result: numbers, decimals with all their digits and floats with a fraction
// (1.0); true and false; text; dates and times as Python prints them, "2024-01-02 03:04:05"
// and with six digits where there are fractions, in UTC with "+00:00" where the column has a
// zone; bytes as base64; JSON of PostgreSQL with its keys in order, arrays as lists; null for
// dates of MySQL without a month or day, as in Airflow. A FLOAT of MySQL has six digits, as in
// Airflow, in a statement without parameters and all of them in one with some: f * 1 has all
// always. SQLite returns what is stored; intervals, times of day and infinity are text as the
// database writes them. A result of more than 10,000 rows or 1 MiB fails the task, and is
// rolled back.
//
// Through PgBouncer, statement_timeout, options and the like are refused in the extra: write
// SET LOCAL as the first statement of the SQL, or set them for the user with ALTER ROLE.
//
// When the task is stopped, the query is stopped on the server too.
type ExecuteQueryOperator struct {
	// SQL is a text with one statement or several, or a list of such texts.
	SQL any `yaml:"sql" param:"required,template,files=.sql"`
	// Conn is the connection.
	Conn string `yaml:"conn_id" param:"template"`
	// Parameters are the values for placeholders: a list for %s (? in SQLite), a mapping for
	// %(name)s (:name in SQLite). They never become part of the SQL, whatever they contain.
	// PostgreSQL therefore needs a type after a placeholder: %s::date, not date %s. With
	// parameters, write %% for a percent sign in PostgreSQL and MySQL. A list as a value is an
	// array in PostgreSQL and (a, b) in MySQL. Numbers keep all their digits, or are refused
	// where SQLite has no type for them; dates are bound as they are written.
	Parameters any `yaml:"parameters" param:"template"`
	// Autocommit commits each statement separately.
	Autocommit bool `yaml:"autocommit" param:"default=false"`
	// SplitStatements gives each statement of a text a result of its own, and all the
	// parameters. Otherwise the result of a text is that of its last statement, and the list
	// of parameters continues from one statement to the next.
	SplitStatements bool `yaml:"split_statements"`
	// ReturnLast is false to return the results of all statements, with split_statements.
	// Lists of SQL return all results in any case.
	ReturnLast bool `yaml:"return_last" param:"default=true"`
	// ShowReturnValueInLogs writes the result to the task log.
	ShowReturnValueInLogs bool `yaml:"show_return_value_in_logs" param:"default=false"`
	Settings
}

var _ operator.Operator = (*ExecuteQueryOperator)(nil)

func executeSpec(docs operator.Option) operator.Spec {
	options := []operator.Option{
		docs,
		operator.Alias("airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator"),
		operator.RejectedParams(rejected(map[string]string{
			"runtime_parameters": "set options in the extra of the connection",
		})),
		operator.IgnoredParams("requires_result_fetch"),
		operator.Example("Read rows", `
conn_id: warehouse
sql: SELECT day, total FROM orders WHERE day < '{{ ds }}' ORDER BY day
`),
		operator.Example("Several statements, all or nothing", `
conn_id: warehouse
sql: |
  DELETE FROM daily WHERE day = '{{ ds }}';
  INSERT INTO daily SELECT '{{ ds }}', count(*) FROM orders;
`),
		operator.Example("Values from outside are bound (this is SQLite; PostgreSQL and MySQL take %(least)s)", `
conn_id: warehouse
sql: SELECT day FROM orders WHERE total > :least
parameters: {least: "{{ params.least }}"}
`),
	}
	for _, old := range []struct{ name, module, oldModule, class string }{
		{"postgres", "postgres.operators.postgres", "postgres_operator", "PostgresOperator"},
		{"mysql", "mysql.operators.mysql", "mysql_operator", "MySqlOperator"},
		{"sqlite", "sqlite.operators.sqlite", "sqlite_operator", "SqliteOperator"},
	} {
		for _, path := range []string{"airflow.providers." + old.module, "airflow.operators." + old.oldModule, "airflow.operators"} {
			path += "." + old.class
			options = append(options, operator.RenamingAlias(path, old.name+"_conn_id", "conn_id", old.name+"_default"))
		}
	}
	return operator.Define[ExecuteQueryOperator]("sql", options...)
}

// Validate checks what can be known before templates are rendered.
func (o *ExecuteQueryOperator) Validate() error {
	_, _, err := texts(o.SQL)
	return errors.Join(needsConnection(o.Conn), params.At("sql", err), validParameters(o.Parameters), o.Settings.Validate())
}

// Execute runs the statements and returns their results.
func (o *ExecuteQueryOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	result, err := o.run(ctx, tc)
	if err != nil {
		return nil, o.outcome(ctx, err)
	}
	if o.ShowReturnValueInLogs {
		tc.Log.InfoContext(ctx, "the result", "rows", jsonText(result))
	}
	return result, nil
}

func (o *ExecuteQueryOperator) run(ctx context.Context, tc *operator.TaskContext) (any, error) {
	sqls, isList, err := texts(o.SQL)
	if err != nil {
		return nil, err
	}
	db, err := open(ctx, tc, o.Conn, o.Database)
	if err != nil {
		return nil, err
	}
	defer db.release(ctx, tc.Log)
	units, err := newUnits(db.dialect, sqls, o.Parameters, o.SplitStatements && !isList)
	if err != nil {
		return nil, err
	}
	for _, text := range sqls {
		tc.Log.InfoContext(ctx, "executing", "sql", text)
	}
	single := !isList && (o.ReturnLast || !o.SplitStatements)
	results, err := db.run(ctx, units, mode{autocommit: o.Autocommit, lastOnly: single})
	switch {
	case err != nil:
		return nil, err
	case !single:
		return results, nil
	case results[0] == nil:
		return nil, nil
	default:
		return results[0], nil
	}
}

// texts reads a text, or a list of them.
func texts(value any) (list []string, isList bool, err error) {
	switch v := value.(type) {
	case string:
		return []string{v}, false, nil
	case []any:
		for i, element := range v {
			text, ok := element.(string)
			if !ok {
				return nil, true, fmt.Errorf("sql must be a text or a list of texts, but element %d of the list is %T", i+1, element)
			}
			list = append(list, text)
		}
		return list, true, nil
	default:
		return nil, false, fmt.Errorf("sql must be a text or a list of texts, not %T", value)
	}
}

// validParameters checks parameters before templates are rendered.
func validParameters(value any) error {
	if text, isText := value.(string); isText && yamlvalue.HoldsTemplate(text) {
		return nil
	}
	_, err := readParameters(value)
	return params.At("parameters", err)
}
