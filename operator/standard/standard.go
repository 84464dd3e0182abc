// Package standard holds the operators that need nothing but this machine. Its sensors lie in a
// package below it.
package standard

import (
	_ "embed"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/internal/moment"
	"github.com/dingdag/dingdag/operator/standard/sensor"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of this package, and its sensors.
func Specs() []operator.Spec {
	comments := params.ParseDocs(docsJSON).With(moment.Docs())
	docs := operator.Docs(comments)
	return append([]operator.Spec{
		bashSpec(docs),
		emptySpec(docs),
		branchSpec(docs),
		shortCircuitSpec(docs),
		latestOnlySpec(docs),
		branchDateTimeSpec(docs),
		branchDayOfWeekSpec(docs),
		triggerDagRunSpec(docs),
	}, sensor.Specs()...)
}
