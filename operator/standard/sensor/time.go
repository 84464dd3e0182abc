package sensor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/internal/moment"
	"github.com/dingdag/dingdag/params"
)

// DateTimeSensor waits until a point in time.
type DateTimeSensor struct {
	// TargetTime is the point in time: a date with a time, in UTC unless it has an offset.
	TargetTime any `yaml:"target_time" param:"required,template"`
}

var _ operator.Operator = (*DateTimeSensor)(nil)

func dateTimeSensorSpec(docs operator.Option) operator.Spec {
	return operator.Define[DateTimeSensor]("datetime_sensor", docs, operator.Sensor(), operator.Deferrable(),
		operator.Alias(
			"airflow.sensors.date_time.DateTimeSensor",
			"airflow.sensors.date_time_sensor.DateTimeSensor",
			"airflow.providers.standard.sensors.date_time.DateTimeSensor",
			"airflow.sensors.date_time.DateTimeSensorAsync",
			"airflow.providers.standard.sensors.date_time.DateTimeSensorAsync",
		),
		operator.Example("Wait for a time that depends on the run", `target_time: "{{ data_interval_end + macros.timedelta(hours=1) }}"`),
		operator.Example("Wait for a date", `target_time: "2024-01-02T08:00:00+08:00"`),
	)
}

// Validate reads a moment that is no template.
func (d *DateTimeSensor) Validate() error {
	return params.At("target_time", moment.Check(d.TargetTime))
}

// Execute looks at the clock once.
func (d *DateTimeSensor) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	moment, err := moment.Of(d.TargetTime, time.UTC)
	if err != nil {
		return nil, fmt.Errorf("target_time: %w", err)
	}
	return nil, waitUntil(ctx, tc, moment)
}

// TimeSensor waits until a time of day, on the date of its first poke, in the zone of the DAG.
// It does not wait if that time has already passed.
type TimeSensor struct {
	// TargetTime is the time of day, such as "08:30" or "08:30:15".
	TargetTime string `yaml:"target_time" param:"required"`
}

var _ operator.Operator = (*TimeSensor)(nil)

func timeSensorSpec(docs operator.Option) operator.Spec {
	return operator.Define[TimeSensor]("time_sensor", docs, operator.Sensor(), operator.Deferrable(),
		operator.Alias(
			"airflow.sensors.time_sensor.TimeSensor",
			"airflow.operators.sensors.TimeSensor",
			"airflow.operators.TimeSensor",
			"airflow.providers.standard.sensors.time.TimeSensor",
			"airflow.sensors.time_sensor.TimeSensorAsync",
			"airflow.providers.standard.sensors.time.TimeSensorAsync",
		),
		operator.Example("Wait until people are at work", `target_time: "08:30"`),
	)
}

// Validate reads the time of day.
func (s *TimeSensor) Validate() error {
	_, err := moment.ParseClock(s.TargetTime)
	return params.At("target_time", err)
}

// Execute looks at the clock once.
func (s *TimeSensor) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	target, err := moment.ParseClock(s.TargetTime)
	if err != nil {
		return nil, fmt.Errorf("target_time: %w", err)
	}
	return nil, waitUntil(ctx, tc, target.On(tc.StartDate.In(tc.Location)))
}

// TimeDeltaSensor waits until a given time after the end of the run's data interval or, for a
// run without one, after the earliest start of the run.
type TimeDeltaSensor struct {
	// Delta is how long it waits after that.
	Delta time.Duration `yaml:"delta" param:"required"`
}

var _ operator.Operator = (*TimeDeltaSensor)(nil)

func timeDeltaSensorSpec(docs operator.Option) operator.Spec {
	return operator.Define[TimeDeltaSensor]("time_delta_sensor", docs, operator.Sensor(), operator.Deferrable(),
		operator.Alias(
			"airflow.sensors.time_delta.TimeDeltaSensor",
			"airflow.sensors.time_delta_sensor.TimeDeltaSensor",
			"airflow.operators.sensors.TimeDeltaSensor",
			"airflow.operators.TimeDeltaSensor",
			"airflow.providers.standard.sensors.time_delta.TimeDeltaSensor",
			"airflow.sensors.time_delta.TimeDeltaSensorAsync",
			"airflow.providers.standard.sensors.time_delta.TimeDeltaSensorAsync",
		),
		operator.Example("Give the source half an hour to deliver", "delta: 30m"),
	)
}

// Execute looks at the clock once.
func (s *TimeDeltaSensor) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	from := tc.DataIntervalEnd
	if from.IsZero() {
		from = tc.RunAfter
	}
	if from.IsZero() {
		return nil, operator.Fail(errors.New("the run has neither a data interval nor an earliest start to wait from"))
	}
	return nil, waitUntil(ctx, tc, from.Add(s.Delta))
}

// WaitSensor waits for some time from the start of the task.
type WaitSensor struct {
	// TimeToWait is how long it waits. A number without a unit is minutes.
	TimeToWait time.Duration `yaml:"time_to_wait" param:"required,minutes"`
}

var _ operator.Operator = (*WaitSensor)(nil)

func waitSpec(docs operator.Option) operator.Spec {
	return operator.Define[WaitSensor]("wait", docs, operator.Sensor(), operator.Deferrable(),
		operator.Alias(
			"airflow.providers.standard.sensors.time_delta.WaitSensor",
			"airflow.sensors.time_delta.WaitSensor",
		),
		operator.Example("Pause between two calls", "time_to_wait: 10m"),
	)
}

// Execute looks at the clock once.
func (w *WaitSensor) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return nil, waitUntil(ctx, tc, tc.StartDate.Add(w.TimeToWait))
}
