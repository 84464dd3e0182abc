package alter

import (
	"bytes"
	"fmt"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/store"
)

// Respond answers what a task asks people, with a record of who did.
func (rs *Runs) Respond(tx *live.Tx, r *request.Respond) (*request.Responded, error) {
	a, err := rs.settle(tx, r)
	if err != nil {
		return nil, err
	}
	extra, err := request.Encode(struct {
		AskID   int64        `json:"ask_id"`
		Try     int          `json:"try_number"`
		Subject string       `json:"subject"`
		By      store.Person `json:"responded_by"`
		Chosen  []string     `json:"chosen_options"`
	}{a.ID, a.Try, a.Subject, a.RespondedBy, a.Chosen})
	if err != nil {
		return nil, err
	}
	err = tx.InsertEvents(tx.Ctx, &store.Event{
		At: tx.Now, Actor: r.Actor, Kind: store.EventAskRespond, DAGID: a.DAGID, RunID: a.RunID, TaskID: a.TaskID, MapIndex: a.MapIndex,
		Extra: bytes.TrimSpace(extra),
	})
	return &request.Responded{Ask: *a}, err
}

// settle settles an ask with an answer, and lets its task go on. The error says why it can't.
func (rs *Runs) settle(tx *live.Tx, r *request.Respond) (*store.Ask, error) {
	a, err := tx.Ask(tx.Ctx, r.AskID)
	if err != nil {
		return nil, err
	}
	if err := r.Settle(a, tx.Now); err != nil {
		return nil, err
	}
	if !rs.Live.Working() {
		return a, settleAlone(tx, a)
	}
	lr, err := tx.Live(a.RunKey)
	if err != nil {
		return nil, err
	}
	if lr == nil {
		return nil, gone(a)
	}
	i := lr.Plan.IndexOf(a.TaskID)
	if i < 0 {
		return nil, gone(a)
	}
	at, in := lr.Find(i, a.MapIndex)
	if in == nil || in.State != dag.Deferred || in.Try != a.Try {
		return nil, gone(a)
	}
	if err := tx.Settle(a); err != nil {
		return nil, err
	}
	lr.Set(tx, at, dag.Scheduled)
	return a, lr.Step(tx)
}

// settleAlone settles an ask in a process that runs nothing: the next one that does goes on at once.
func settleAlone(tx *live.Tx, a *store.Ask) error {
	is, err := tx.Instances(tx.Ctx, a.RunKey)
	if err != nil {
		return err
	}
	for _, in := range is {
		if in.TaskID != a.TaskID || in.MapIndex != a.MapIndex {
			continue
		}
		if in.State != dag.Deferred || in.Try != a.Try {
			return gone(a)
		}
		in.RetryAt = tx.Now
		if err := tx.Settle(a); err != nil {
			return err
		}
		return tx.PutInstances(tx.Ctx, []*store.Instance{in})
	}
	return gone(a)
}

// gone says that nobody waits for an answer any more.
func gone(a *store.Ask) error {
	return fmt.Errorf("ask %d %w: task %q does not wait for one any more", a.ID, request.ErrSettled, a.TaskID)
}
