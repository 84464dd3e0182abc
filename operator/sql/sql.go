// Package sql holds the operators that work on databases: PostgreSQL, MySQL, MariaDB and
// SQLite, by the type of the connection.
//
// Values come back as JSON, as the comment of [ExecuteQueryOperator] says.
package sql

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of this package.
func Specs() []operator.Spec {
	docs := operator.Docs(params.ParseDocs(docsJSON))
	return []operator.Spec{
		executeSpec(docs), sensorSpec(docs), branchSpec(docs),
		checkSpec(docs), valueCheckSpec(docs), intervalCheckSpec(docs), thresholdCheckSpec(docs),
	}
}

// Settings are the parameters that all operators on databases have.
type Settings struct {
	// Database is the database to use instead of the connection's. It does not apply to
	// SQLite.
	Database string `yaml:"database" param:"template"`
	// HookParams must be empty: such settings belong in the extra of the connection.
	HookParams map[string]any `yaml:"hook_params" param:"template"`
	// RetryOnFailure is false to fail the task at once, whatever retries remain.
	RetryOnFailure bool `yaml:"retry_on_failure" param:"default=true"`
}

// Validate refuses hook_params.
func (s *Settings) Validate() error { return noHookParams(s.HookParams) }

func noHookParams(given map[string]any) error {
	if len(given) > 0 {
		return params.At("hook_params", errors.New("hook_params are not supported: configure the connection"))
	}
	return nil
}

// needsConnection refuses an empty conn_id.
func needsConnection(connID string) error {
	if connID == "" {
		return params.At("conn_id", errors.New("conn_id is missing: name a connection of type postgres, mysql or sqlite"))
	}
	return nil
}

// outcome says what the error of a try means.
func (s *Settings) outcome(ctx context.Context, err error) error {
	if err = stopped(ctx, err); err != nil && ctx.Err() == nil && !s.RetryOnFailure {
		return operator.Fail(err)
	}
	return err
}

// stopped names the cause when it was the context that ended the SQL.
func stopped(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("the SQL was stopped: %w: %w", context.Cause(ctx), err)
	}
	return err
}

// firstRows runs texts, each of which gives one row at most, and rolls back what they
// changed, as Airflow does by not committing. The parameters are for each of them.
func firstRows(ctx context.Context, tc *operator.TaskContext, connID, name string, parameters any, texts ...string) ([][]any, error) {
	db, err := open(ctx, tc, connID, name)
	if err != nil {
		return nil, err
	}
	defer db.release(ctx, tc.Log)
	var units []unit
	for _, text := range texts {
		u, err := newUnits(db.dialect, []string{text}, parameters, false)
		if err != nil {
			return nil, err
		}
		units = append(units, u...)
	}
	tc.Log.InfoContext(ctx, "executing", "sql", strings.Join(texts, ";\n"))
	results, err := db.run(ctx, units, mode{rollback: true, firstRow: true})
	var rows [][]any
	for _, result := range results {
		var row []any
		if len(result) > 0 {
			row = result[0]
		}
		rows = append(rows, row)
		if row != nil {
			tc.Log.InfoContext(ctx, "the query gave", "row", jsonText(row))
		}
	}
	return rows, err
}

// elsewhere are the paths of classes in the modules of SQL checks, old and new.
func elsewhere(provider string, old ...string) []string {
	const operators, checks = "airflow.operators.", "airflow.operators.check_operator."
	paths := []string{
		"airflow.providers.common.sql.operators.sql." + provider,
		operators + "sql." + provider,
		checks + provider,
	}
	for _, class := range old {
		paths = append(paths, checks+class)
		if class != "ThresholdCheckOperator" { // which is of Airflow 1.10.10, when operators was no longer added to
			paths = append(paths, operators+class)
		}
	}
	return paths
}

// rejected are the parameters with Python code, and more.
func rejected(more map[string]string) map[string]string {
	messages := map[string]string{
		"handler":          "Python code cannot run here: the rows are the result; put the rest into the SQL",
		"output_processor": "Python code cannot run here: the rows are the result; put the rest into the SQL",
	}
	maps.Copy(messages, more)
	return messages
}
