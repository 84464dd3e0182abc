package sensor_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/operator/standard/sensor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var suite = operatortest.Suite(sensor.Specs())

// Sensors that need nothing to be set up for their checks.
func TestCheck(t *testing.T) {
	t.Parallel()
	for name, waits := range map[string]string{
		"external_task_marker": "",
		"datetime_sensor":      "Wait for a time that depends on the run",
		"time_sensor":          "Wait until people are at work",
		"time_delta_sensor":    "Give the source half an hour to deliver",
		"wait":                 "Pause between two calls",
		"day_of_week_sensor":   "Wait for the weekend",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			operatortest.Check(t, suite.Spec(t, name), operatortest.Options{
				Outcomes: map[string]operator.Kind{waits: operator.Waiting},
				Render: func(_, text string) (any, error) {
					if text == "{{ data_interval_end + macros.timedelta(hours=1) }}" {
						return "2024-01-03 01:00:00+00:00", nil
					}
					return text, nil
				},
			})
		})
	}
}
