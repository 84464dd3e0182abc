// Package appcall holds what operators of app calls have in common: parameters that they embed,
// checks of parameters, and how one try goes.
package appcall

import (
	"context"
	_ "embed"
	"log/slog"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// App is what all operators of app calls have in common. Those that change something
// which must not happen twice embed [Write] in its place.
type App struct {
	// ConnID names the connection of the app: the AppKey is its login, the AppSecret its
	// password.
	ConnID string `yaml:"dingtalk_conn_id" param:"default=dingtalk_default"`

	hook *hook.DingdingHook
}

var _ interface{ common() *App } = (*App)(nil)

func (a *App) common() *App { return a }

// Write is what operators have in common whose repeat does harm.
type Write struct {
	App
	// OnUncertain says what happens when no answer came and the call may have been
	// carried out: fail ends the task, retry tries again while tries remain.
	OnUncertain string `yaml:"on_uncertain" param:"default=fail,enum=fail|retry"`
}

// RepeatSafe reports whether on_uncertain asks for a repeat.
func (w *Write) RepeatSafe() bool { return w.OnUncertain == robot.UncertainRetry }

// Operator is an operator of app calls: a struct that embeds [App] or [Write].
type Operator interface {
	operator.Operator
	common() *App
}

// Provider is what the specs of a package are made with.
type Provider struct {
	// Hook is what their operators call DingTalk through.
	Hook *hook.DingdingHook
	// Docs are the comments of their parameters.
	Docs operator.Option
}

// NewProvider takes the comments of a package as docgen wrote them, and in more those of
// structs that it embeds from elsewhere. Those of this package are known.
func NewProvider(h *hook.DingdingHook, docs string, more ...params.Docs) Provider {
	all := params.ParseDocs(docs).With(append(more, params.ParseDocs(docsJSON))...)
	return Provider{Hook: h, Docs: operator.Docs(all)}
}

// Define declares an operator of app calls.
func Define[T any, P interface {
	*T
	Operator
}](p Provider, name string, opts ...operator.Option) operator.Spec {
	create := func() *T {
		o := P(new(T))
		o.common().hook = p.Hook
		return o
	}
	return operator.DefineWith[T, P](name, create, append(opts, p.Docs)...)
}

// Run does the work of one try of an operator: it checks the rendered parameters, calls
// DingTalk, and turns an error into what it means for the task.
func Run[R any](ctx context.Context, tc *operator.TaskContext, o Operator, do func(context.Context, *hook.App) (*R, error)) (any, error) {
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
		return nil, Outcome(err, !ok || repeat.RepeatSafe())
	}
	return result, nil
}

// Paging is for operators that read lists.
type Paging struct {
	// All reads all pages from the requested one on, instead of one page.
	All bool `yaml:"all" param:"default=false"`
	// MaxItems limits how many items all reads. When it is reached, has_more is true.
	MaxItems int `yaml:"max_items" param:"default=10000,min=1"`
}

// Read reads one page, or all with progress in the log. It returns the items, the
// cursor of the next page, and whether there is one or items were left out.
func Read[T any, C comparable](
	ctx context.Context, tc *operator.TaskContext, p Paging, first C, page func(context.Context, C) ([]T, C, bool, error),
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
