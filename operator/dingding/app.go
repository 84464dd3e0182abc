package dingding

import (
	"context"
	"errors"
	"log/slog"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/params/declare"
)

// app is what all operators of app calls have in common. Those that change something
// which must not happen twice embed [write] in its place.
type app struct {
	// ConnID names the connection of the app: the AppKey is its login, the AppSecret its
	// password.
	ConnID string `yaml:"dingtalk_conn_id" param:"default=dingtalk_default"`

	hook *hook.DingdingHook
}

func (a *app) common() *app { return a }

// write is what operators have in common whose repeat does harm.
type write struct {
	app
	// OnUncertain says what happens when no answer came and the call may have been
	// carried out: fail ends the task, retry tries again while tries remain.
	OnUncertain string `yaml:"on_uncertain" param:"default=fail,enum=fail|retry"`
}

// RepeatSafe reports whether on_uncertain asks for a repeat.
func (w *write) RepeatSafe() bool { return w.OnUncertain == robot.UncertainRetry }

// appOperator is an operator of app calls: a struct that embeds app or write.
type appOperator interface {
	operator.Operator
	common() *app
}

// provider is what the specs of app calls are made with.
type provider struct {
	hook *hook.DingdingHook
	docs operator.Option
}

// define declares an operator of app calls.
func define[T any, P interface {
	*T
	appOperator
}](p provider, name string, opts ...operator.Option) operator.Spec {
	create := func() *T {
		o := P(new(T))
		o.common().hook = p.hook
		return o
	}
	return declare.DefineWith[operator.Operator]("operator", name, create, append(opts, p.docs)...)
}

// run does the work of one try of an operator: it checks the rendered parameters, calls
// DingTalk, and turns an error into what it means for the task.
func run[R any](ctx context.Context, tc *operator.TaskContext, o appOperator, do func(context.Context, *hook.App) (*R, error)) (any, error) {
	if v, ok := o.(params.Validator); ok {
		if err := params.Failure(v.Validate()); err != nil {
			return nil, operator.Fail(err)
		}
	}
	a := o.common()
	h := a.hook
	if h == nil { // built in Go and not by a Spec
		h = hook.New(tc.Connections)
		defer h.CloseIdleConnections()
	}
	result, err := do(ctx, h.With(tc.Connections, tc.Log).App(a.ConnID))
	if operator.Classify(ctx, err).Kind == operator.Failed {
		return nil, err // the operator knows more than the error of the call
	}
	if err != nil {
		repeat, ok := o.(operator.RepeatChecker)
		return nil, outcome(err, !ok || repeat.RepeatSafe())
	}
	return result, nil
}

// acting is for operators of calls that are made in somebody's name.
type acting struct {
	// OperatorID is the unionId of the member that the call acts as.
	OperatorID string `yaml:"operator_id" param:"template"`
	// OperatorUserID is the userid of that member, in place of operator_id; its unionId
	// is looked up once. Without both it is operator_user_id of the connection's extra.
	OperatorUserID string `yaml:"operator_user_id" param:"template,digits"`
}

// check finds both parameters given.
func (a *acting) check(c *checks) {
	if a.OperatorID != "" && a.OperatorUserID != "" {
		c.add("operator_user_id", errors.New("excludes operator_id: give one of the two"))
	}
}

// operator returns the unionId to act as.
func (a *acting) operator(ctx context.Context, client *hook.App) (string, error) {
	return client.OperatorID(ctx, a.OperatorID, a.OperatorUserID)
}

// paging is for operators that read lists.
type paging struct {
	// All reads all pages, beginning with the one asked for, in place of one.
	All bool `yaml:"all" param:"default=false"`
	// MaxItems bounds what all reads. When it is reached, has_more is true.
	MaxItems int `yaml:"max_items" param:"default=10000,min=1"`
}

// read reads one page, or all with progress in the log. It returns the items, the
// cursor of the next page, and whether there is one or items were left out.
func read[T any, C comparable](
	ctx context.Context, tc *operator.TaskContext, p paging, first C, page func(context.Context, C) ([]T, C, bool, error),
) (items []T, next C, more bool, err error) {
	if !p.All {
		return page(ctx, first)
	}
	count := 0
	items, more, err = hook.All(ctx, p.MaxItems, first, func(ctx context.Context, cursor C) ([]T, C, bool, error) {
		found, after, again, err := page(ctx, cursor)
		count += len(found)
		tc.Log.LogAttrs(ctx, slog.LevelInfo, "read a page", slog.Int("items", count), slog.Bool("more", again))
		next = after
		return found, after, again, err
	})
	return items, next, more, err
}
