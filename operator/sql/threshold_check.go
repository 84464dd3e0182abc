package sql

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

// ThresholdCheckOperator fails unless the first cell that SQL returns is between two
// thresholds, inclusive.
//
// What the SQL changes is rolled back. See the operator sql for connections.
type ThresholdCheckOperator struct {
	// SQL is the query.
	SQL string `yaml:"sql" param:"required,template,files=.sql"`
	// MinThreshold is the least value: a number, or SQL that returns it.
	MinThreshold any `yaml:"min_threshold" param:"required,template"`
	// MaxThreshold is the greatest value: a number, or SQL that returns it.
	MaxThreshold any `yaml:"max_threshold" param:"required,template"`
	// Conn is the connection, of type postgres, mysql or sqlite.
	Conn string `yaml:"conn_id" param:"template"`
	Settings
}

var _ operator.Operator = (*ThresholdCheckOperator)(nil)

func thresholdCheckSpec(docs operator.Option) operator.Spec {
	return operator.Define[ThresholdCheckOperator]("sql_threshold_check", docs,
		operator.Alias(elsewhere("SQLThresholdCheckOperator", "ThresholdCheckOperator")...),
		operator.Example("Not more refunds than orders", `
conn_id: warehouse
sql: SELECT 3
min_threshold: 0
max_threshold: SELECT count(*) + 5 FROM orders
`),
	)
}

// Validate checks what can be known before templates are rendered.
func (c *ThresholdCheckOperator) Validate() error {
	return errors.Join(validThreshold("min_threshold", c.MinThreshold), validThreshold("max_threshold", c.MaxThreshold),
		needsConnection(c.Conn), c.Settings.Validate())
}

func validThreshold(field string, value any) error {
	switch value.(type) {
	case string, int64, float64:
		return nil
	}
	return params.At(field, fmt.Errorf("%s must be a number, or SQL that gives it", field))
}

// Execute runs the queries and compares.
func (c *ThresholdCheckOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return nil, c.outcome(ctx, c.run(ctx, tc))
}

func (c *ThresholdCheckOperator) run(ctx context.Context, tc *operator.TaskContext) error {
	bounds := []any{c.MinThreshold, c.MaxThreshold}
	queries := []string{c.SQL}
	for _, bound := range bounds {
		if text, isText := bound.(string); isText && !isNumber(text) {
			queries = append(queries, text)
		}
	}
	rows, err := firstRows(ctx, tc, c.Conn, c.Database, nil, queries...)
	if err != nil {
		return err
	}
	next := 1
	for i, bound := range bounds {
		if text, isText := bound.(string); isText && !isNumber(text) {
			if rows[next] == nil {
				return fmt.Errorf("the check failed: the query of %s gave no row", [2]string{"min_threshold", "max_threshold"}[i])
			}
			bounds[i] = rows[next][0]
			next++
		}
	}
	if rows[0] == nil {
		return errNoRow
	}
	return within(rows[0][0], bounds[0], bounds[1])
}

func isNumber(value any) bool {
	_, ok := floatOf(value)
	return ok
}

// within compares numbers, or texts such as dates.
func within(cell, least, most any) error {
	var inside bool
	switch {
	case isNumber(cell) && isNumber(least) && isNumber(most):
		c, _ := floatOf(cell)
		l, _ := floatOf(least)
		m, _ := floatOf(most)
		inside = l <= c && c <= m
	default:
		c, ok1 := cell.(string)
		l, ok2 := least.(string)
		m, ok3 := most.(string)
		if !ok1 || !ok2 || !ok3 {
			return fmt.Errorf("the check cannot compare %s with %s and %s", jsonText(cell), jsonText(least), jsonText(most))
		}
		inside = l <= c && c <= m
	}
	if !inside {
		return fmt.Errorf("the check failed: %s is not between %s and %s", jsonText(cell), jsonText(least), jsonText(most))
	}
	return nil
}
