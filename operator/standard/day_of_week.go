package standard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// weekDays are the parameters that name days of the week.
type weekDays struct {
	// WeekDay is the English name of a day, such as Monday, or a list of such names.
	WeekDay []string `yaml:"week_day" param:"required,single"`
	// UseLogicalDate looks at the logical date of the run instead of the clock. Its day is
	// that of UTC, as in Airflow, whatever the zone of the DAG.
	UseLogicalDate bool `yaml:"use_task_logical_date" param:"default=false"`
}

// Validate reads the names.
func (w *weekDays) Validate() error {
	if len(w.WeekDay) == 0 {
		return params.At("week_day", errors.New("week_day names no day"))
	}
	for _, name := range w.WeekDay {
		if _, err := parseWeekday(name); err != nil {
			return params.At("week_day", err)
		}
	}
	return nil
}

// match reports whether the day is among those that are named. The zone is that of the
// clock.
func (w *weekDays) match(ctx context.Context, tc *operator.TaskContext, zone *time.Location) (bool, error) {
	now := tc.Now().In(zone)
	if w.UseLogicalDate {
		date, err := logicalDate(tc)
		if err != nil {
			return false, err
		}
		now = date.UTC()
	}
	tc.Log.InfoContext(ctx, "looked at the day of the week", "day", now.Weekday().String(), "zone", now.Location().String(), "wanted", w.WeekDay)
	return slices.ContainsFunc(w.WeekDay, func(name string) bool {
		return strings.EqualFold(name, now.Weekday().String())
	}), nil
}

func parseWeekday(name string) (time.Weekday, error) {
	var names []string
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.EqualFold(name, day.String()) {
			return day, nil
		}
		names = append(names, day.String())
	}
	return 0, fmt.Errorf("%q is not a day of the week in English%s", name, yamlvalue.DidYouMean(name, slices.Values(names)))
}

// BranchDayOfWeekOperator chooses by the day of the week, which is that of the clock in
// the zone of the DAG.
type BranchDayOfWeekOperator struct {
	twoWays
	weekDays
}

var (
	_ operator.Operator = (*BranchDayOfWeekOperator)(nil)
	_ operator.Brancher = (*BranchDayOfWeekOperator)(nil)
)

func branchDayOfWeekSpec(docs operator.Option) operator.Spec {
	return operator.Define[BranchDayOfWeekOperator]("branch_day_of_week", docs,
		operator.Alias(
			"airflow.operators.weekday.BranchDayOfWeekOperator",
			"airflow.providers.standard.operators.weekday.BranchDayOfWeekOperator",
		),
		operator.Example("Do more on weekends", `
follow_task_ids_if_true: [full_load, weekly_report]
follow_task_ids_if_false: small_load
week_day: [Saturday, Sunday]
`),
	)
}

// Execute looks at the day.
func (b *BranchDayOfWeekOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	match, err := b.match(ctx, tc, tc.Location)
	if err != nil {
		return nil, err
	}
	return b.follow(ctx, tc, match), nil
}

// DayOfWeekSensor waits for a day of the week. The day is that of UTC, as in Airflow,
// whatever the zone of the DAG.
type DayOfWeekSensor struct{ weekDays }

var _ operator.Operator = (*DayOfWeekSensor)(nil)

func dayOfWeekSensorSpec(docs operator.Option) operator.Spec {
	return operator.Define[DayOfWeekSensor]("day_of_week_sensor", docs, operator.Sensor(), withoutEffect(),
		operator.Alias(
			"airflow.sensors.weekday.DayOfWeekSensor",
			"airflow.contrib.sensors.weekday_sensor.DayOfWeekSensor",
			"airflow.providers.standard.sensors.weekday.DayOfWeekSensor",
		),
		operator.Example("Wait for the weekend", "week_day: [Saturday, Sunday]"),
		operator.Example("Go on when the run is for a Tuesday", `
week_day: Tuesday
use_task_logical_date: true
`),
	)
}

// Execute looks at the day once.
func (d *DayOfWeekSensor) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	match, err := d.match(ctx, tc, time.UTC)
	if err == nil && !match {
		err = operator.NotYet()
	}
	return nil, err
}
