// Package dingding holds the operators that speak to DingTalk.
package dingding

import (
	_ "embed"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of this package. They send through h, which keeps its
// network connections open between tasks; connections are looked up in the source of
// each task, not in that of h.
func Specs(h *hook.DingdingHook) []operator.Spec {
	comments := params.ParseDocs(docsJSON)
	maps.Copy(comments, robot.Docs())
	p := provider{hook: h, docs: operator.Docs(comments)}
	return slices.Concat(
		[]operator.Spec{robotSpec(h, p.docs)},
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
		workspaceSpecs(p),
		nodeSpecs(p),
		docSpecs(p),
		worksheetSpecs(p),
		rowSpecs(p),
		columnSpecs(p),
		rangeSpecs(p),
		appendSpecs(p),
	)
}
