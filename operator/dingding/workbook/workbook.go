// Package workbook holds the operators of spreadsheets: worksheets, rows, columns and cells.
package workbook

import (
	_ "embed"
	"slices"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of this package, see the package dingding.
func Specs(h *hook.DingdingHook) []operator.Spec {
	p := appcall.NewProvider(h, docsJSON)
	return slices.Concat(worksheetSpecs(p), rowSpecs(p), columnSpecs(p), rangeSpecs(p), appendSpecs(p))
}
