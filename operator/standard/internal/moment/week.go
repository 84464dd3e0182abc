package moment

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Docs are the comments of the parameters.
func Docs() params.Docs { return params.ParseDocs(docsJSON) }

// WeekDays are the parameters that name days of the week.
type WeekDays struct {
	// WeekDay is the English name of a day, such as Monday, or a list of such names.
	WeekDay []string `yaml:"week_day" param:"required,single"`
	// UseLogicalDate uses the logical date of the run instead of the clock. Its day is taken
	// in UTC, as in Airflow, whatever the zone of the DAG.
	UseLogicalDate bool `yaml:"use_task_logical_date" param:"default=false"`
}

// Validate reads the names.
func (w *WeekDays) Validate() error {
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

// Match reports whether the day is among those that are named. The zone is that of the
// clock.
func (w *WeekDays) Match(ctx context.Context, tc *operator.TaskContext, zone *time.Location) (bool, error) {
	now := tc.Now().In(zone)
	if w.UseLogicalDate {
		date, err := LogicalDate(tc)
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
