package dingding

import (
	"context"
	"errors"
	"net/http"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/wiki"
	"github.com/dingdag/dingdag/operator"
)

// actor is an operator whose calls are made in somebody's name.
type actor interface {
	appOperator
	operator(ctx context.Context, client *hook.App) (string, error)
}

// runAs is run for calls that take the unionId of who makes them.
func runAs[R any](ctx context.Context, tc *operator.TaskContext, o actor, do func(context.Context, *hook.App, string) (*R, error)) (any, error) {
	return run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*R, error) {
		operatorID, err := o.operator(ctx, a)
		if err != nil {
			return nil, err
		}
		return do(ctx, a, operatorID)
	})
}

// removal is for operators that delete something.
type removal struct {
	// IgnoreMissing lets the task succeed when there is nothing to delete.
	IgnoreMissing bool `yaml:"ignore_missing" param:"default=false"`
}

// DeletedResult is the result of operators that delete something.
type DeletedResult struct {
	// Deleted is false when there was nothing to delete.
	Deleted bool `json:"deleted"`
}

func (r *removal) result(err error) (*DeletedResult, error) {
	if r.IgnoreMissing && isNotFound(err) {
		return &DeletedResult{}, nil
	}
	return &DeletedResult{Deleted: true}, err
}

// isNotFound reports that DingTalk knows no such document, and not that the connection
// or the path is wrong.
func isNotFound(err error) bool {
	e, ok := errors.AsType[*hook.Error](err)
	return ok && e.HTTPStatus == http.StatusNotFound && e.Code != "InvalidAction.NotFound"
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
