// Package standard holds the operators that need nothing but this machine. Its sensors, the
// operators that ask people, and the one that is a program, lie in packages below it.
package standard

import (
	_ "embed"
	"slices"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/human"
	"github.com/dingdag/dingdag/operator/standard/internal/moment"
	"github.com/dingdag/dingdag/operator/standard/program"
	"github.com/dingdag/dingdag/operator/standard/sensor"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of this package and of those below it.
func Specs() []operator.Spec {
	comments := params.ParseDocs(docsJSON).With(moment.Docs())
	docs := operator.Docs(comments)
	return slices.Concat([]operator.Spec{
		bashSpec(docs),
		emptySpec(docs),
		branchSpec(docs),
		shortCircuitSpec(docs),
		latestOnlySpec(docs),
		branchDateTimeSpec(docs),
		branchDayOfWeekSpec(docs),
		triggerDagRunSpec(docs),
	}, program.Specs(), human.Specs(), sensor.Specs())
}
