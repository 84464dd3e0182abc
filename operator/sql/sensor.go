package sql

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/operator"
)

// Sensor waits until SQL finds something.
//
// The first cell of the first row must be neither null, nor false, nor 0, nor empty, or
// success_when must hold. No row means not yet.
//
// What the SQL changes is rolled back. See the operator sql for connections.
type Sensor struct {
	// Conn is the connection, of type postgres, mysql or sqlite.
	Conn string `yaml:"conn_id" param:"required"`
	// SQL is the query.
	SQL string `yaml:"sql" param:"required,template,files=.sql"`
	// Parameters are the values for placeholders, as in the operator sql.
	Parameters any `yaml:"parameters" param:"template"`
	// FailOnEmpty fails when there is no row, instead of waiting.
	FailOnEmpty bool `yaml:"fail_on_empty" param:"default=false"`
	// SuccessWhen is a condition on the first row, used instead. It has the name row, the list
	// of its cells. It does not hold if it renders to nothing or, in upper or lower case, to
	// false, no, off, 0, none or null.
	SuccessWhen string `yaml:"success_when" param:"late"`
	// HookParams must be empty: such settings belong in the extra of the connection.
	HookParams map[string]any `yaml:"hook_params" param:"template"`
}

var _ operator.Operator = (*Sensor)(nil)

func sensorSpec(docs operator.Option) operator.Spec {
	const condition = "put the condition into the SQL, for instance SELECT count(*) > 10 FROM orders, or use success_when"
	return operator.Define[Sensor]("sql_sensor", docs, operator.Sensor(),
		operator.Alias(
			"airflow.providers.common.sql.sensors.sql.SqlSensor",
			"airflow.sensors.sql.SqlSensor",
			"airflow.sensors.sql_sensor.SqlSensor",
			"airflow.operators.sensors.SqlSensor",
			"airflow.operators.SqlSensor",
		),
		operator.RejectedParams(map[string]string{
			"success": condition, "failure": condition, "selector": "select the cell to look at first in the SQL",
			"success_check_*": condition, "failure_check_*": condition,
		}),
		operator.Example("Wait until something holds of a row", `
conn_id: warehouse
sql: SELECT count(*), max(total) FROM orders
success_when: "{{ row[0] > 1 and row[1] is not none }}"
`),
		operator.Example("Wait for the rows of the day", `
conn_id: warehouse
sql: SELECT count(*) FROM orders WHERE day >= '{{ ds }}'
`),
	)
}

// Validate refuses hook_params and parameters of a wrong shape.
func (s *Sensor) Validate() error {
	return errors.Join(needsConnection(s.Conn), validParameters(s.Parameters), noHookParams(s.HookParams))
}

// Execute looks once.
func (s *Sensor) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	rows, err := firstRows(ctx, tc, s.Conn, "", s.Parameters, s.SQL)
	switch {
	case err != nil:
		return nil, stopped(ctx, err)
	case rows[0] == nil && s.FailOnEmpty:
		return nil, errors.New("the query gave no row, and fail_on_empty is true")
	case rows[0] == nil:
		return nil, operator.NotYet()
	}
	held := truthy(rows[0][0])
	if s.SuccessWhen != "" {
		if held, err = tc.Holds(s.SuccessWhen, map[string]any{"row": rows[0]}); err != nil {
			return nil, fmt.Errorf("success_when: %w", err)
		}
	}
	if !held {
		return nil, operator.NotYet()
	}
	tc.Log.InfoContext(ctx, "found", "cell", jsonText(rows[0][0]))
	return nil, nil
}
