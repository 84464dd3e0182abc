package appcall

import (
	"context"
	"errors"
	"net/http"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
)

// Acting is for operators of calls that are made in somebody's name.
type Acting struct {
	// OperatorID is the unionId of the member that the call acts as.
	OperatorID string `yaml:"operator_id" param:"template"`
	// OperatorUserID is the userid of that member, in place of operator_id; its unionId is
	// looked up once. If neither is set, operator_user_id of the connection's extra is used.
	OperatorUserID string `yaml:"operator_user_id" param:"template,digits"`
}

// Check finds both parameters given.
func (a *Acting) Check(c *Checks) {
	if a.OperatorID != "" && a.OperatorUserID != "" {
		c.Add("operator_user_id", errors.New("excludes operator_id: give one of the two"))
	}
}

var _ interface {
	actor(ctx context.Context, client *hook.App) (string, error)
} = (*Acting)(nil)

// actor returns the unionId to act as.
func (a *Acting) actor(ctx context.Context, client *hook.App) (string, error) {
	return client.OperatorID(ctx, a.OperatorID, a.OperatorUserID)
}

// Actor is an operator whose calls are made in somebody's name: it embeds [Acting] as well.
type Actor interface {
	Operator
	actor(ctx context.Context, client *hook.App) (string, error)
}

// RunAs is [Run] for calls that take the unionId of who makes them.
func RunAs[R any](ctx context.Context, tc *operator.TaskContext, o Actor, do func(context.Context, *hook.App, string) (*R, error)) (any, error) {
	return Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*R, error) {
		operatorID, err := o.actor(ctx, a)
		if err != nil {
			return nil, err
		}
		return do(ctx, a, operatorID)
	})
}

// Removal is for operators that delete something.
type Removal struct {
	// IgnoreMissing lets the task succeed when there is nothing to delete.
	IgnoreMissing bool `yaml:"ignore_missing" param:"default=false"`
}

// DeletedResult is the result of operators that delete something.
type DeletedResult struct {
	// Deleted is false when there was nothing to delete.
	Deleted bool `json:"deleted"`
}

// Result is the result of a deletion that ended with err.
func (r *Removal) Result(err error) (*DeletedResult, error) {
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
