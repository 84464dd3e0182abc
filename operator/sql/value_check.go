package sql

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

// ValueCheckOperator fails unless SQL returns a row in which every cell has the expected
// value. A number is compared as a number, within the tolerance.
//
// What the SQL changes is rolled back. See the operator sql for connections.
type ValueCheckOperator struct {
	// SQL is the query.
	SQL string `yaml:"sql" param:"required,template,files=.sql"`
	// PassValue is the expected value: a number or a text.
	PassValue any `yaml:"pass_value" param:"required,template"`
	// Tolerance is how far a number may be off, as a fraction of pass_value: 0.1 for 10 %.
	// Null means exactly equal.
	Tolerance *float64 `yaml:"tolerance" param:"min=0"`
	// Conn is the connection, of type postgres, mysql or sqlite.
	Conn string `yaml:"conn_id" param:"template"`
	Settings
}

var _ operator.Operator = (*ValueCheckOperator)(nil)

func valueCheckSpec(docs operator.Option) operator.Spec {
	paths := elsewhere("SQLValueCheckOperator", "ValueCheckOperator")
	return operator.Define[ValueCheckOperator]("sql_value_check", docs,
		operator.Alias(paths...),
		operator.Example("About a thousand orders", `
conn_id: warehouse
sql: SELECT 1040
pass_value: 1000
tolerance: 0.05
`),
	)
}

// Validate checks what can be known before templates are rendered.
func (c *ValueCheckOperator) Validate() error {
	var shape error
	switch c.PassValue.(type) {
	case []any, map[string]any:
		shape = params.At("pass_value", errors.New("pass_value must be a number or a text"))
	}
	return errors.Join(shape, needsConnection(c.Conn), c.Settings.Validate())
}

// Execute runs the query and compares its first row.
func (c *ValueCheckOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	rows, err := firstRows(ctx, tc, c.Conn, c.Database, nil, c.SQL)
	if err == nil {
		err = c.check(rows[0])
	}
	return nil, c.outcome(ctx, err)
}

func (c *ValueCheckOperator) check(row []any) error {
	if row == nil {
		return errNoRow
	}
	want, isNumber := floatOf(pythonText(c.PassValue))
	for _, cell := range row {
		if !isNumber {
			if pythonText(cell) != pythonText(c.PassValue) {
				return c.failed(row)
			}
			continue
		}
		got, ok := floatOf(cell)
		if !ok {
			return fmt.Errorf("the check needs numbers, but the query gave %s", jsonText(row))
		}
		if !c.near(got, want) {
			return c.failed(row)
		}
	}
	return nil
}

// near reports whether a number is within the tolerance.
func (c *ValueCheckOperator) near(got, want float64) bool {
	if c.Tolerance == nil {
		return got == want
	}
	a, b := want*(1-*c.Tolerance), want*(1+*c.Tolerance)
	return min(a, b) <= got && got <= max(a, b)
}

func (c *ValueCheckOperator) failed(row []any) error {
	tolerance := ""
	if c.Tolerance != nil {
		tolerance = fmt.Sprintf(" with a tolerance of %g %%", *c.Tolerance*100)
	}
	return fmt.Errorf("the check failed: expected %s%s, the query gave %s", pythonText(c.PassValue), tolerance, jsonText(row))
}
