package live

import (
	"encoding/json"
	"fmt"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// asked writes what a deferred instance asks people, lets its notifiers tell them, and watches the end
// of their time.
func (lr *Run) asked(tx *Tx, i dagrun.Task, in *store.Instance, res *worker.Result) error {
	a, notice := res.Ask, res.Notice
	if a == nil {
		return fmt.Errorf("task %q is deferred and asks nothing", in.TaskID)
	}
	if answer := tx.runs.o.Answer; answer != nil {
		a.Deadline, in.RetryAt = tx.Now, tx.Now
		notice = nil // nobody needs to answer
		if chosen := answer(a); len(chosen) > 0 {
			a.Defaults = chosen
		}
	}
	fresh, err := tx.InsertAsk(tx.Ctx, a)
	if err != nil {
		return err
	}
	tx.watchRetry(in)
	if fresh {
		try := lr.Try(i, in)
		try.Ask, try.Notice = a, notice
		tx.Message(tx.runs.o.Tell.Task(tx.Ctx, tx, callbacks.Asked, try)...)
	}
	return nil
}

// overdue settles what an instance asks whose time is over, unless it was answered a moment before.
func (tx *Tx) overdue(in *store.Instance) error {
	a, err := tx.AskOf(tx.Ctx, in)
	if err != nil || a == nil || a.State != store.AskOpen {
		return err
	}
	a.State, a.SettledAt = store.AskTimedOut, tx.Now
	if len(a.Defaults) > 0 {
		a.State, a.Chosen = store.AskDefaulted, a.Defaults
		if a.Input, err = defaultsOf(a.Params); err != nil {
			return err
		}
	}
	return tx.Settle(a)
}

// defaultsOf are the defaults of params as a JSON object. One without a default is left out.
func defaultsOf(ps []store.AskParam) (json.RawMessage, error) {
	out := make(map[string]json.RawMessage, len(ps))
	for _, p := range ps {
		if p.Value != nil {
			out[p.Name] = p.Value
		}
	}
	return json.Marshal(out)
}

// Settle writes what became of an ask.
func (tx *Tx) Settle(a *store.Ask) error {
	_, err := tx.SettleAsk(tx.Ctx, a)
	return err
}

// CloseAsk notes that what an instance asks needs no answer any more.
func (tx *Tx) CloseAsk(in *store.Instance, why string) error {
	a, err := tx.AskOf(tx.Ctx, in)
	if err != nil || a == nil || a.State != store.AskOpen {
		return err
	}
	a.State, a.SettledAt, a.Note = store.AskClosed, tx.Now, why
	return tx.Settle(a)
}

// closeAsks closes what instances ask that do not wait any more.
func (tx *Tx) closeAsks() error {
	for n := range tx.unasked {
		if err := tx.CloseAsk(&tx.unasked[n], "its task has ended without an answer"); err != nil {
			return err
		}
	}
	tx.unasked = nil
	return nil
}
