// Package wiki holds the operators of knowledge bases and what lies in them.
package wiki

import (
	_ "embed"
	"slices"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/wiki"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of this package, see the package dingding.
func Specs(h *hook.DingdingHook) []operator.Spec {
	p := appcall.NewProvider(h, docsJSON)
	return slices.Concat(workspaceSpecs(p), nodeSpecs(p), docSpecs(p))
}

// nodeDetails is for operators that read nodes.
type nodeDetails struct {
	// WithStatisticalInfo adds statisticalInfo with wordCount to each node.
	WithStatisticalInfo bool `yaml:"with_statistical_info" param:"default=false"`
	// WithPermissionRole adds permissionRole: what the operator may do with the node.
	WithPermissionRole bool `yaml:"with_permission_role" param:"default=false"`
}

func (d *nodeDetails) details() wiki.NodeDetails {
	return wiki.NodeDetails{Statistics: d.WithStatisticalInfo, PermissionRole: d.WithPermissionRole}
}

// missing returns the ids that are not among those found.
func missing(ids []string, found map[string]bool) []string {
	left := []string{}
	for _, id := range ids {
		if !found[id] {
			left = append(left, id)
		}
	}
	return left
}
