package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"
)

// Silence is a time in which some alerts are not sent. Moments are in UTC.
type Silence struct {
	ID   int64             `json:"id"`
	Kind store.SilenceKind `json:"kind"`
	// What says what it is of.
	What string `json:"what"`
	// DAGs are patterns of ids, Robots connections; empty ones are all. TaskID is empty for all tasks.
	DAGs   []string `json:"dags"`
	TaskID string   `json:"task_id"`
	Robots []string `json:"robots"`
	// Urgent silences urgent alerts too.
	Urgent bool      `json:"urgent"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	// By is who asked for it, EndedBy who ended it before its time.
	By      string `json:"by"`
	EndedBy string `json:"ended_by"`
	// Silenced is how many alerts it keeps back.
	Silenced int `json:"silenced"`
	// SummedUp is when people were told what it kept back, or that there was nothing to tell.
	SummedUp *time.Time `json:"summed_up"`
}

func (a *API) silenceOf(s *store.Silence, kept int) Silence {
	return Silence{
		ID: s.ID, Kind: s.Kind, What: s.What(), DAGs: append([]string{}, s.DAGs...), TaskID: s.TaskID, Robots: append([]string{}, s.Robots...),
		Urgent: s.Urgent, Since: s.Since.UTC(), Until: s.Until.UTC(), Reason: a.o.Masker.Mask(s.Reason), By: s.MadeBy.String(), EndedBy: s.EndedBy.String(),
		Silenced: kept, SummedUp: optional(s.SummedUp),
	}
}

// Snooze says which alerts are to be silent.
type Snooze struct {
	// DAGID is a DAG or a pattern of ids; empty is all. TaskID is a task of the one DAG.
	DAGID, TaskID string
	// Robot is the connection through which alerts leave; empty is all.
	Robot string
	// All says that neither DAG nor robot is meant.
	All bool
	// Urgent silences urgent alerts too.
	Urgent bool
	Until  time.Time
	Reason string
}

// Snooze silences alerts from now on. A mistake is a [*FieldError]; an unknown DAG wraps [ErrNotFound].
func (a *API) Snooze(ctx context.Context, q Snooze) (Silence, error) {
	now := a.o.Clock().UTC().Truncate(time.Millisecond)
	if err := a.checkSnooze(ctx, &q, now); err != nil {
		return Silence{}, err
	}
	s := &store.Silence{
		Kind: store.SilenceSnooze, TaskID: q.TaskID, Urgent: q.Urgent, Since: now, Until: q.Until.UTC().Truncate(time.Millisecond),
		Reason: a.o.Masker.Mask(q.Reason), MadeBy: a.o.By,
	}
	if q.DAGID != "" {
		s.DAGs = []string{q.DAGID}
	}
	if q.Robot != "" {
		s.Robots = []string{q.Robot}
	}
	err := a.o.Store.Tx(ctx, func(tx store.Tx) error {
		if _, err := tx.InsertSilence(ctx, s); err != nil {
			return err
		}
		return a.noteSilence(ctx, tx, store.EventAlertSnooze, s)
	})
	return a.silenceOf(s, 0), err
}

func (a *API) checkSnooze(ctx context.Context, q *Snooze, now time.Time) error {
	pattern := strings.ContainsAny(q.DAGID, `*?[\`)
	switch {
	case !q.Until.After(now):
		return &FieldError{"until", fmt.Errorf("%s is not in the future", q.Until.UTC().Format(time.RFC3339))}
	case q.All == (q.DAGID != "" || q.Robot != ""):
		return &FieldError{"dag_id", errors.New("name a DAG, a robot or both, or all alerts")}
	case q.TaskID != "" && (q.DAGID == "" || pattern):
		return &FieldError{"task_id", fmt.Errorf("task %q: name its DAG, without a pattern", q.TaskID)}
	case pattern:
		if _, err := path.Match(q.DAGID, ""); err != nil {
			return &FieldError{"dag_id", fmt.Errorf("%q is no pattern: use *, ? and [abc]", q.DAGID)}
		}
		return nil
	case q.DAGID == "":
		return nil
	}
	if err := a.known(ctx, q.DAGID, nil); err != nil || q.TaskID == "" {
		return err
	}
	d, err := a.o.Folder.DAG(q.DAGID)
	if err != nil {
		return nil //nolint:nilerr // the file is broken or gone: an older version may have the task
	}
	var ids []string
	for _, t := range d.Tasks {
		ids = append(ids, t.ID)
	}
	if !slices.Contains(ids, q.TaskID) {
		return missing("dag %q has no task %q%s", q.DAGID, q.TaskID, SuggestTask(q.TaskID, ids))
	}
	return nil
}

// noteSilence writes what somebody did to a silence.
func (a *API) noteSilence(ctx context.Context, tx store.EventsTx, kind store.EventKind, s *store.Silence) error {
	extra, err := json.Marshal(map[string]any{"silence": s.ID, "of": s.What(), "until": s.Until, "reason": s.Reason})
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	e := &store.Event{At: a.o.Clock(), Actor: a.o.By, Kind: kind, MapIndex: -1, Extra: extra}
	if len(s.DAGs) == 1 {
		e.DAGID, e.TaskID = s.DAGs[0], s.TaskID
	}
	return tx.InsertEvents(ctx, e)
}

// Silences lists the times in which alerts are not sent, newest first: those that have not ended, or with
// all the newest ones of these and those before, at most limit (0 is all).
func (a *API) Silences(ctx context.Context, all bool, limit int) ([]Silence, error) {
	out := []Silence{}
	if a.o.Store == nil {
		return out, nil
	}
	f := store.SilenceFilter{Open: !all, Limit: limit}
	rows, err := a.o.Store.SilenceLog(ctx, f)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(rows))
	for i, s := range rows {
		ids[i] = s.ID
	}
	counts, err := a.o.Store.CountSilenced(ctx, ids...)
	if err != nil {
		return nil, err
	}
	for _, s := range rows {
		out = append(out, a.silenceOf(s, counts[s.ID]))
	}
	return out, nil
}

// Unsnooze ends silences now, and returns them: the one with a number, or the snoozes of a DAG, its tasks
// or a robot. What they kept back is summed up by the process that works on the store. Its error wraps
// [ErrNotFound] when there is none.
func (a *API) Unsnooze(ctx context.Context, what string) (ended []Silence, err error) {
	id, isNumber := int64(0), false
	if n, err := strconv.ParseInt(what, 10, 64); err == nil {
		id, isNumber = n, true
	}
	none := missing("no snooze of %q: see dingdag alerts snoozes", what)
	if a.o.Store == nil {
		return nil, none
	}
	err = a.o.Store.Tx(ctx, func(tx store.Tx) error {
		ended = nil
		open, err := tx.OpenSilences(ctx)
		if err != nil {
			return err
		}
		now := a.o.Clock().UTC().Truncate(time.Millisecond)
		for _, s := range open {
			named := s.Kind == store.SilenceSnooze && (slices.Equal(s.DAGs, []string{what}) || len(s.DAGs) == 0 && slices.Equal(s.Robots, []string{what}))
			if isNumber && s.ID != id || !isNumber && !named {
				continue
			}
			if ok, err := tx.EndSilence(ctx, s.ID, now, a.o.By); err != nil {
				return err
			} else if !ok {
				continue // it has just ended by itself
			}
			s.Until, s.EndedBy = now, a.o.By
			counts, err := tx.CountSilenced(ctx, s.ID)
			if err != nil {
				return err
			}
			ended = append(ended, a.silenceOf(s, counts[s.ID]))
			if err := a.noteSilence(ctx, tx, store.EventAlertUnsnooze, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && len(ended) == 0 {
		err = none
	}
	return ended, err
}
