// Package sensor holds the sensors that need nothing but this machine and its runs.
package sensor

import (
	"context"
	_ "embed"
	"time"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/internal/moment"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of this package.
func Specs() []operator.Spec {
	comments := params.ParseDocs(docsJSON).With(moment.Docs())
	docs := operator.Docs(comments)
	return []operator.Spec{
		externalTaskSpec(docs),
		externalTaskMarkerSpec(docs),
		bashSensorSpec(docs),
		fileSensorSpec(docs),
		dateTimeSensorSpec(docs),
		timeSensorSpec(docs),
		timeDeltaSensorSpec(docs),
		waitSpec(docs),
		dayOfWeekSensorSpec(docs),
	}
}

// waitUntil ends a look of a sensor that waits for a moment.
func waitUntil(ctx context.Context, tc *operator.TaskContext, moment time.Time) error {
	now := tc.Now()
	if !now.Before(moment) {
		return nil
	}
	tc.Log.InfoContext(ctx, "waiting", "until", moment)
	return operator.NotYetFor(moment.Sub(now))
}
