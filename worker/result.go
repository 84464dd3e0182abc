package worker

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// Result is what became of a try.
type Result struct {
	// Instance is the task instance as the try leaves it. Its state is success, skipped, failed,
	// up_for_retry or up_for_reschedule with RetryAt, deferred with an Ask, or queued: then the process is stopping, and
	// the try is to begin again without being counted. Error is masked; of a sensor that looks
	// again it says what it waits for.
	Instance store.Instance
	// Value is the XCom return_value, nil without one.
	Value json.RawMessage
	// XComs are to be stored, by key: what the try has pushed, and the result of a success.
	XComs map[string]json.RawMessage
	// Skips are the tasks below that the result skips.
	Skips []dagrun.Task
	// Branched says that the result is a choice among the tasks directly below, of which the others are followed.
	Branched bool
	// Ask is what a try asks people whose instance is deferred, else nil.
	Ask *store.Ask
	// Notice tells people of it, nil for none.
	Notice *operator.Notice
	// Rendered is what the try has rendered, nil when that is stored already or not kept.
	Rendered *store.RenderedTry
}

// conclude turns what an operator returned into the result.
func (y *Try) conclude(ctx context.Context, v any, err error) Result {
	value, skips, err := y.read(v, err)
	o := operator.Classify(ctx, err)
	if o.Kind == operator.Shutdown {
		y.log.Warn("the process is stopping; the try is queued again and not counted")
		in := y.in
		in.State, in.StartDate = dag.Queued, time.Time{}
		return Result{Instance: in}
	}
	r := y.end(o, y.w.now())
	y.logOutcome(&r.Instance, o)
	_, branch := v.(operator.Branch)
	r.Value, r.Skips, r.Branched = value, skips, branch && r.Instance.State == dag.Success
	r.XComs = y.xcoms(&r)
	r.Rendered = y.rendered.Load()
	return r
}

// Fail is the result of a try that could not begin, for instance because its log can't be
// opened.
func (y *Try) Fail(ctx context.Context, err error) Result { return y.conclude(ctx, nil, err) }

// Lost is the result of a try that ended unseen, with its process. Its log gets the error as its
// last line.
func (y *Try) Lost(o operator.Outcome, at time.Time) Result {
	r := y.end(o, at)
	y.w.Note(y.in.Log, r.Instance.Error)
	return r
}

// read reads what an operator returned: the XCom and the tasks that it skips. A try that failed
// has chosen nothing.
func (y *Try) read(v any, err error) (value json.RawMessage, skips []dagrun.Task, _ error) {
	if err == nil {
		skips, v, err = skipsOf(y.plan.Graph, y.i, v)
	}
	if err == nil && v != nil && y.task.DoXComPush {
		value, err = encodeXCom(v)
	}
	if err == nil && y.task.MultipleOutputs {
		_, err = outputs(value)
	}
	if err == nil {
		err = y.checkMappable(value)
	}
	if err != nil {
		return value, nil, err
	}
	return value, skips, nil
}

// end is the result of an outcome: a retry while there are tries left.
func (y *Try) end(o operator.Outcome, at time.Time) Result {
	mask := y.w.o.Masker.Mask
	in := y.in
	in.EndDate, in.Error, in.RetryAt = at, "", time.Time{}
	switch o.Kind {
	case operator.Success:
		in.State = dag.Success
	case operator.Skipped:
		in.State, in.Error = dag.Skipped, mask(o.Reason)
	case operator.Failed, operator.Canceled:
		in.State, in.Error = dag.Failed, mask(o.Err.Error())
	default: // an error or a timeout
		in.State, in.Error = dag.Failed, mask(o.Err.Error())
		if in.Try < in.MaxTries {
			delay := dagrun.RetryDelay(y.run.DAGID, y.task.Task, y.run.LogicalDate, in.Try)
			in.State, in.RetryAt = dag.UpForRetry, at.Add(max(delay, o.RetryAfter))
		}
	}
	return Result{Instance: in}
}

// reschedule is the result of a try that goes on later.
func (y *Try) reschedule(next *rescheduleError) Result {
	again := "Not yet; looking again at "
	if y.task.Sensor == nil {
		again = "The try goes on at "
	}
	y.log.line(slog.LevelInfo, again+next.at.UTC().Format(time.RFC3339))
	in := y.in
	in.State, in.RetryAt, in.Error = dag.UpForReschedule, next.at.UTC().Truncate(time.Millisecond), y.w.o.Masker.Mask(next.reason)
	return Result{Instance: in, XComs: y.pushedXComs(), Rendered: y.rendered.Load()}
}

func (y *Try) logOutcome(in *store.Instance, o operator.Outcome) {
	switch in.State {
	case dag.Success:
		y.log.Info("Task succeeded")
	case dag.Skipped:
		y.log.line(slog.LevelInfo, "Task skipped: "+in.Error)
	case dag.UpForRetry:
		y.log.line(slog.LevelError, in.Error)
		y.log.line(slog.LevelWarn, "Task is up for retry at "+in.RetryAt.Format(time.RFC3339))
	default:
		y.log.line(slog.LevelError, in.Error)
		if o.Kind == operator.Failed && in.Try < in.MaxTries {
			y.log.Error("Task failed; a retry would not help")
			return
		}
		if o.Kind == operator.Canceled { // its state was set by whoever took it away
			return
		}
		y.log.Error("Task failed")
	}
}

// xcoms are the XComs of a try that has ended: with multiple_outputs each key of the result is one.
func (y *Try) xcoms(r *Result) map[string]json.RawMessage {
	out := y.pushedXComs()
	if r.Instance.State != dag.Success || r.Value == nil {
		return out
	}
	if out == nil {
		out = map[string]json.RawMessage{}
	}
	out[ReturnValue] = r.Value
	if y.task.MultipleOutputs {
		m, _ := outputs(r.Value) // the try has failed already if this does
		maps.Copy(out, m)
	}
	return out
}
