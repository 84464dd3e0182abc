package sensor

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/internal/moment"
)

// DayOfWeekSensor waits for a day of the week. The day is taken in UTC, as in Airflow,
// whatever the zone of the DAG.
type DayOfWeekSensor struct{ moment.WeekDays }

var _ operator.Operator = (*DayOfWeekSensor)(nil)

func dayOfWeekSensorSpec(docs operator.Option) operator.Spec {
	return operator.Define[DayOfWeekSensor]("day_of_week_sensor", docs, operator.Sensor(), operator.Deferrable(),
		operator.Alias(
			"airflow.sensors.weekday.DayOfWeekSensor",
			"airflow.contrib.sensors.weekday_sensor.DayOfWeekSensor",
			"airflow.providers.standard.sensors.weekday.DayOfWeekSensor",
		),
		operator.Example("Wait for the weekend", "week_day: [Saturday, Sunday]"),
		operator.Example("Continue if the run is for a Tuesday", `
week_day: Tuesday
use_task_logical_date: true
`),
	)
}

// Execute looks at the day once.
func (d *DayOfWeekSensor) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	match, err := d.Match(ctx, tc, time.UTC)
	if err == nil && !match {
		err = operator.NotYet()
	}
	return nil, err
}
