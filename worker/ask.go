package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// askError ends the work of an operator that asks people something: the worker is free until
// somebody has answered.
type askError struct {
	ask    *store.Ask
	notice *operator.Notice
}

func (a *askError) Error() string { return "asks " + a.ask.Subject }

// maxSubject and maxBody are how many bytes of a question are kept.
const maxSubject, maxBody = 1 << 10, 16 << 10

// ask is the error with which the try asks.
func (y *Try) ask(q *operator.Question) error {
	if y.in.RunKey == 0 {
		return operator.Fail(errors.New("a task that is tested by itself has nobody to ask: test the DAG with dingdag dags test, which answers with the defaults"))
	}
	mask := y.w.o.Masker.Mask
	a := &store.Ask{
		RunKey: y.in.RunKey, DAGID: y.run.DAGID, RunID: y.run.RunID, TaskID: y.in.TaskID, MapIndex: y.in.MapIndex, Try: y.in.Try,
		Subject: cut(mask(strings.Join(strings.Fields(q.Subject), " ")), maxSubject), Body: cut(mask(strings.TrimSpace(q.Body)), maxBody),
		Options: q.Options, Multiple: q.Multiple, Defaults: q.Defaults, CreatedAt: y.w.now(), State: store.AskOpen,
	}
	if a.Subject == "" {
		return operator.Fail(errors.New("subject is empty once its templates are rendered"))
	}
	for _, p := range q.Assigned {
		a.Assigned = append(a.Assigned, store.Person(p))
	}
	if d := cmp.Or(q.Timeout, y.task.ExecutionTimeout); d > 0 {
		a.Deadline = a.CreatedAt.Add(d)
	}
	var err error
	if a.Params, err = askParams(y.task.Task); err != nil {
		return operator.Fail(err)
	}
	return &askError{a, q.Notice}
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// askParams are the params of a task as fields to fill in. Those of its DAG are not among them, as in
// Airflow.
func askParams(t *dag.Task) (out []store.AskParam, err error) {
	for _, name := range t.ParamNames {
		p := store.AskParam{Name: name}
		if value, has := t.Params.Get(name); has {
			if p.Value, err = json.Marshal(value); err != nil {
				return nil, fmt.Errorf("param %q: %w", name, err)
			}
		}
		if schema := t.ParamSchemas[name]; schema != nil {
			rest := maps.Clone(schema)
			p.Description, _ = rest["description"].(string)
			delete(rest, "description")
			if p.Schema, err = json.Marshal(rest); err != nil {
				return nil, fmt.Errorf("param %q: its schema: %w", name, err)
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// deferred is the result of a try that waits for people.
func (y *Try) deferred(e *askError) Result {
	a := e.ask
	text := fmt.Sprintf("Waiting for an answer: %s (%s)", a.Subject, strings.Join(a.Options, ", "))
	if !a.Deadline.IsZero() {
		text += ", until " + a.Deadline.Format(time.RFC3339)
	}
	y.log.line(slog.LevelInfo, text)
	in := y.in
	in.State, in.RetryAt, in.Error = dag.Deferred, a.Deadline, ""
	return Result{Instance: in, Ask: a, Notice: e.notice, XComs: y.pushedXComs(), Rendered: y.rendered.Load()}
}

// reply is what became of what the try has asked before, or nil.
func (y *Try) reply(ctx context.Context, op operator.Operator) (*operator.Reply, error) {
	if _, asks := op.(operator.Asker); !asks || y.in.RunKey == 0 {
		return nil, nil
	}
	a, err := y.w.o.Store.AskOf(ctx, &y.in)
	if err != nil || a == nil {
		return nil, err
	}
	r := &operator.Reply{Chosen: slices.Clone(a.Chosen), Params: a.Input, At: a.SettledAt}
	switch a.State {
	case store.AskAnswered:
		by := operator.Person(a.RespondedBy)
		r.By = &by
		y.log.line(slog.LevelInfo, fmt.Sprintf("%s answered %s at %s", a.RespondedBy, strings.Join(a.Chosen, ", "), a.SettledAt.Format(time.RFC3339)))
	case store.AskDefaulted:
		r.TimedOut = true
		y.log.line(slog.LevelInfo, "Nobody answered in time; going on with the defaults: "+strings.Join(a.Chosen, ", "))
	case store.AskTimedOut:
		r.TimedOut = true
	default:
		return nil, nil // it asks what is open already
	}
	return r, nil
}
