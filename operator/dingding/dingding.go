// Package dingding holds the operators that speak to DingTalk. Those of knowledge bases and
// spreadsheets lie in packages below it.
package dingding

import (
	_ "embed"
	"slices"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/operator/dingding/wiki"
	"github.com/dingdag/dingdag/operator/dingding/workbook"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of DingTalk. They send through h, which keeps its network
// connections open between tasks; connections are looked up in the source of each task,
// not in that of h.
func Specs(h *hook.DingdingHook) []operator.Spec {
	p := appcall.NewProvider(h, docsJSON, robot.Docs())
	return slices.Concat(
		[]operator.Spec{robotSpec(p)},
		chatSpecs(p),
		userSpecs(p),
		departmentSpecs(p),
		noticeSpecs(p),
		botSpecs(p),
		dingSpecs(p),
		mediaSpecs(p),
		sceneGroupSpecs(p),
		cardSpecs(p),
		replySpecs(p),
		wiki.Specs(h),
		workbook.Specs(h),
	)
}
