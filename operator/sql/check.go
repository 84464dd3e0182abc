package sql

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/operator"
)

// CheckOperator fails unless SQL returns a row in which no cell is null, false, 0 or empty.
//
// What the SQL changes is rolled back. See the operator sql for connections.
type CheckOperator struct {
	// SQL is the query.
	SQL string `yaml:"sql" param:"required,template,files=.sql"`
	// Conn is the connection, of type postgres, mysql or sqlite.
	Conn string `yaml:"conn_id" param:"template"`
	// Parameters are the values for placeholders, as in the operator sql.
	Parameters any `yaml:"parameters" param:"template"`
	Settings
}

var _ operator.Operator = (*CheckOperator)(nil)

func checkSpec(docs operator.Option) operator.Spec {
	paths := elsewhere("SQLCheckOperator", "CheckOperator")
	return operator.Define[CheckOperator]("sql_check", docs,
		operator.Alias(paths...),
		operator.Example("There are orders, and all of them have a customer", `
conn_id: warehouse
sql: SELECT count(*), count(*) = count(customer) FROM orders
`),
	)
}

// Validate checks what can be known before templates are rendered.
func (c *CheckOperator) Validate() error {
	return errors.Join(needsConnection(c.Conn), validParameters(c.Parameters), c.Settings.Validate())
}

// Execute runs the query and looks at its first row.
func (c *CheckOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	rows, err := firstRows(ctx, tc, c.Conn, c.Database, c.Parameters, c.SQL)
	if err == nil {
		err = allTrue(rows[0])
	}
	return nil, c.outcome(ctx, err)
}

func allTrue(row []any) error {
	if row == nil {
		return errNoRow
	}
	for i, cell := range row {
		if !truthy(cell) {
			return fmt.Errorf("the check failed: cell %d of the row %s", i+1, jsonText(row))
		}
	}
	return nil
}

var errNoRow = errors.New("the check failed: the query gave no row")
