package tell

import (
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// Recovery is the end of a time in which a task or the runs of a DAG failed.
type Recovery struct {
	// Since is the end of the first failure that was told, Failures how many were.
	Since    time.Time
	Failures int
	// At is the moment of the success, Reason why it is one: success or marked_success.
	At     time.Time
	Reason string
}

// Mended is the recovery from what was broken, nil from nothing.
func Mended(broken []*store.Broken, at time.Time, reason string) *Recovery {
	if len(broken) == 0 {
		return nil
	}
	r := &Recovery{Since: broken[0].Since, At: at, Reason: reason}
	for _, b := range broken {
		r.Failures += b.Failures
		if b.Since.Before(r.Since) {
			r.Since = b.Since
		}
	}
	return r
}

// tell adds a recovery to the event and its reason to what templates see.
func (r *Recovery) tell(ev *callbacks.Event, tc *template.Context) {
	if r == nil {
		return
	}
	ev.BrokenSince, ev.Failures, ev.EndDate, ev.Reason = &r.Since, r.Failures, &r.At, r.Reason
	tc.Reason = r.Reason
}
