package sql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

// IntervalCheckOperator compares figures of a table for the day of the run with those of some
// days earlier, and fails if one of them differs too much.
//
// The figures are SQL expressions such as COUNT(*), taken over the rows of a day. It needs a
// run with a logical date. What the SQL changes is rolled back. See the operator sql for
// connections.
type IntervalCheckOperator struct {
	// Table is the name of the table.
	Table string `yaml:"table" param:"required,template"`
	// MetricsThresholds maps each SQL expression to the limit that its ratio must stay below.
	MetricsThresholds map[string]float64 `yaml:"metrics_thresholds" param:"required"`
	// DateFilterColumn is the column with the day.
	DateFilterColumn string `yaml:"date_filter_column" param:"template,default=ds"`
	// DaysBack is how many days to go back, with or without a minus sign.
	DaysBack int `yaml:"days_back" param:"default=-7"`
	// RatioFormula is max_over_min, the larger number over the smaller one, or relative_diff,
	// the difference over the earlier number.
	RatioFormula string `yaml:"ratio_formula" param:"default=max_over_min,enum=max_over_min|relative_diff"`
	// IgnoreZero is false to fail when one of the two numbers is 0.
	IgnoreZero bool `yaml:"ignore_zero" param:"default=true"`
	// Conn is the connection, of type postgres, mysql or sqlite.
	Conn string `yaml:"conn_id" param:"template"`
	Settings
}

var _ operator.Operator = (*IntervalCheckOperator)(nil)

func intervalCheckSpec(docs operator.Option) operator.Spec {
	paths := elsewhere("SQLIntervalCheckOperator", "IntervalCheckOperator")
	return operator.Define[IntervalCheckOperator]("sql_interval_check", docs,
		operator.Alias(paths...),
		operator.Example("Not twice as many orders as a week ago, nor half", `
conn_id: warehouse
table: orders
date_filter_column: day
metrics_thresholds: {COUNT(*): 2, SUM(total): 3}
`),
	)
}

// Validate checks what can be known before templates are rendered.
func (c *IntervalCheckOperator) Validate() error {
	var empty error
	if len(c.MetricsThresholds) == 0 {
		empty = params.At("metrics_thresholds", errors.New("metrics_thresholds needs at least one expression"))
	}
	return errors.Join(empty, needsConnection(c.Conn), c.Settings.Validate())
}

// Execute runs a query for each of the two days and compares them.
func (c *IntervalCheckOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return nil, c.outcome(ctx, c.run(ctx, tc))
}

func (c *IntervalCheckOperator) run(ctx context.Context, tc *operator.TaskContext) error {
	if tc.LogicalDate.IsZero() {
		return errors.New("the check needs a run with a logical date")
	}
	day := tc.LogicalDate.UTC()
	before := day.AddDate(0, 0, -max(c.DaysBack, -c.DaysBack))
	metrics := slices.Sorted(maps.Keys(c.MetricsThresholds))
	query := fmt.Sprintf("SELECT %s FROM %s WHERE %s='", strings.Join(metrics, ", "), c.Table, c.DateFilterColumn)
	rows, err := firstRows(ctx, tc, c.Conn, c.Database, nil, query+before.Format(dateForm)+"'", query+day.Format(dateForm)+"'")
	if err != nil {
		return err
	}
	if rows[0] == nil || rows[1] == nil {
		return errNoRow
	}
	var failed []string
	for i, metric := range metrics {
		then, ok1 := floatOf(rows[0][i])
		now, ok2 := floatOf(rows[1][i])
		if !ok1 || !ok2 {
			return fmt.Errorf("the check needs numbers, but %s is %s now and was %s before",
				metric, jsonText(rows[1][i]), jsonText(rows[0][i]))
		}
		ratio, ok := c.ratio(now, then)
		tc.Log.InfoContext(ctx, "compared", "metric", metric, "now", now, "before", then, "ratio", ratio, "threshold", c.MetricsThresholds[metric])
		if !ok && !c.IgnoreZero || ok && ratio >= c.MetricsThresholds[metric] {
			failed = append(failed, fmt.Sprintf("%s was %g and is %g", metric, then, now))
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("the check failed: %s", strings.Join(failed, "; "))
	}
	return nil
}

// ratio compares two numbers, unless one of them is 0.
func (c *IntervalCheckOperator) ratio(now, then float64) (ratio float64, ok bool) {
	switch {
	case now == 0 || then == 0:
		return 0, false
	case c.RatioFormula == "relative_diff":
		return math.Abs(now-then) / then, true
	default:
		return max(now, then) / min(now, then), true
	}
}
