// Package standard holds the operators that need nothing but this machine.
package standard

import (
	_ "embed"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of this package.
func Specs() []operator.Spec {
	docs := operator.Docs(params.ParseDocs(docsJSON))
	return []operator.Spec{
		bashSpec(docs),
		emptySpec(docs),
		branchSpec(docs),
		shortCircuitSpec(docs),
		latestOnlySpec(docs),
		branchDateTimeSpec(docs),
		branchDayOfWeekSpec(docs),
		triggerDagRunSpec(docs),
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
