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

	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
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
	// ToldBy is the alert that told what doubles say, else 0.
	ToldBy int64 `json:"told_by,omitempty"`
	// Silenced is how many alerts it keeps back.
	Silenced int `json:"silenced"`
	// SummedUp is when people were told what it kept back, or that there was nothing to tell.
	SummedUp *time.Time `json:"summed_up"`
	// Warnings say of a snooze that was just made what could not be checked.
	Warnings []string `json:"warnings,omitempty"`
}

// SoleDAG is the DAG that a silence of some patterns is of; empty for one that may be of several.
func SoleDAG(patterns []string) string {
	if len(patterns) != 1 || strings.ContainsAny(patterns[0], `*?[\`) {
		return ""
	}
	return patterns[0]
}

func (a *API) silenceOf(s *store.Silence, kept int) Silence {
	return Silence{
		ID: s.ID, Kind: s.Kind, What: s.What(), DAGs: append([]string{}, s.DAGs...), TaskID: s.TaskID, Robots: append([]string{}, s.Robots...),
		Urgent: s.Urgent, Since: s.Since.UTC(), Until: s.Until.UTC(), Reason: a.o.Masker.Mask(s.Reason), By: s.MadeBy.String(), EndedBy: s.EndedBy.String(),
		ToldBy: s.ToldBy, Silenced: kept, SummedUp: optional(s.SummedUp),
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

// Snooze silences alerts from now on. A mistake is a [*FieldError]; an unknown DAG, task or robot wraps
// [ErrNotFound]. What can't be known is accepted with a warning.
func (a *API) Snooze(ctx context.Context, q Snooze) (Silence, error) {
	now := a.o.Clock().UTC().Truncate(time.Millisecond)
	warnings, err := a.checkSnooze(ctx, &q, now)
	if err != nil {
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
	err = a.o.Store.Tx(ctx, func(tx store.Tx) error {
		if _, err := tx.InsertSilence(ctx, s); err != nil {
			return err
		}
		return a.noteSilence(ctx, tx, store.EventAlertSnooze, s)
	})
	out := a.silenceOf(s, 0)
	out.Warnings = warnings
	return out, err
}

// longestSnooze is how long a snooze may last.
const longestSnooze = 366 * 24 * time.Hour

// checkSnooze checks a snooze, and returns what can't be checked.
func (a *API) checkSnooze(ctx context.Context, q *Snooze, now time.Time) (warnings []string, err error) {
	pattern := strings.ContainsAny(q.DAGID, `*?[\`)
	switch {
	case !q.Until.After(now):
		return nil, &FieldError{"until", phrase.Err("snooze.past", q.Until.UTC().Format(time.RFC3339))}
	case q.Until.After(now.Add(longestSnooze)):
		return nil, &FieldError{"until", phrase.Err("snooze.long", q.Until.UTC().Format(time.RFC3339))}
	case q.All == (q.DAGID != "" || q.Robot != ""):
		return nil, &FieldError{"dag_id", phrase.Err("snooze.what")}
	case q.TaskID != "" && (q.DAGID == "" || pattern):
		return nil, &FieldError{"task_id", phrase.Err("snooze.task", q.TaskID)}
	}
	add := func(text string) {
		if text != "" {
			warnings = append(warnings, text)
		}
	}
	if q.Robot != "" {
		text, err := a.checkRobot(ctx, q.Robot)
		if err != nil {
			return nil, err
		}
		add(text)
	}
	if pattern {
		text, err := a.checkPattern(q.DAGID)
		if err != nil {
			return nil, err
		}
		add(text)
	} else if q.DAGID != "" {
		text, err := a.checkTask(ctx, q.DAGID, q.TaskID)
		if err != nil {
			return nil, err
		}
		add(text)
	}
	return warnings, nil
}

// checkPattern warns of a pattern that selects no DAG now.
func (a *API) checkPattern(pattern string) (warning string, err error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return "", &FieldError{"dag_id", phrase.Err("snooze.pattern", pattern)}
	}
	all, broken, err := a.o.Folder.DAGs()
	if err != nil {
		return fmt.Sprintf("it is not known whether a DAG matches %q: %s", pattern, a.o.Masker.Mask(err.Error())), nil
	}
	for _, d := range all {
		if ok, err := path.Match(pattern, d.ID); ok || err != nil {
			return "", err
		}
	}
	warning = fmt.Sprintf("no DAG matches %q now", pattern)
	if broken {
		warning += ", but some DAG files have errors"
	}
	return warning, nil
}

// checkTask checks that there is a DAG, and a task in it unless that is empty. Without the file of the DAG the
// task can't be known.
func (a *API) checkTask(ctx context.Context, dagID, taskID string) (warning string, err error) {
	if err := a.known(ctx, dagID, nil); err != nil || taskID == "" {
		return "", err
	}
	d, err := a.o.Folder.DAG(dagID)
	if err != nil {
		return fmt.Sprintf("the file of dag %q is gone or has errors, so it is not known whether it has a task %q", dagID, taskID), nil //nolint:nilerr // that is the warning
	}
	if ids := taskIDs(d); !slices.Contains(ids, taskID) {
		return "", store.NoSuch("dag.no_task", dagID, taskID, nearTask(taskID, ids))
	}
	return "", nil
}

// checkRobot checks that there is a connection. One that nobody has used yet, and that is like no other, may be
// known to the process that sends. Who is limited to some DAGs is not told which connections there are.
func (a *API) checkRobot(ctx context.Context, id string) (warning string, err error) {
	switch mine, err := a.Only(ctx); {
	case err != nil:
		return "", err
	case mine.Limited():
		return fmt.Sprintf("whether there is a connection %q is not told to who is limited to some DAGs", id), nil
	}
	found, near, unread, err := a.robot(ctx, id)
	switch {
	case err != nil || found:
		return "", err
	case unread != nil:
		return fmt.Sprintf("it is not known whether there is a connection %q: %s", id, a.o.Masker.Mask(unread.Error())), nil
	case near != "":
		return "", store.NoSuch("snooze.no_conn", id, phrase.Near(near))
	}
	return phrase.Of(unknownRobot, id).String() + ": it has an effect only if the scheduler knows it", nil
}

// needRobot is an error unless there is a connection, or may be one, or alerts went through it.
func (a *API) needRobot(ctx context.Context, id string) error {
	found, near, unread, err := a.robot(ctx, id)
	switch {
	case err != nil || found || unread != nil:
		return err
	case near != "":
		return store.NoSuch("snooze.no_conn", id, phrase.Near(near))
	}
	return store.NoSuch(unknownRobot, id)
}

// unknownRobot says that nobody knows a connection.
const unknownRobot phrase.Code = "snooze.no_robot"

// robotChannel is the channel of the robot of a connection.
func robotChannel(id string) string { return "dingding:" + id }

// robot looks for a connection, here and among those through which alerts went. What is near may have been meant;
// unread is why not all connections are known.
func (a *API) robot(ctx context.Context, id string) (found bool, near string, unread, err error) {
	if a.o.ConnIDs == nil || a.o.Store == nil {
		return true, "", nil, nil
	}
	ids, unread := a.o.ConnIDs(ctx)
	if slices.Contains(ids, id) {
		return true, "", nil, nil
	}
	told, err := a.o.Store.DeliveryLog(ctx, store.DeliveryFilter{Channel: robotChannel(id), Limit: 1})
	return len(told) > 0, yamlvalue.Nearest(id, slices.Values(ids)), unread, err
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
	mine, err := a.Only(ctx)
	if err != nil {
		return nil, err
	}
	f := store.SilenceFilter{Open: !all, Limit: limit}
	if mine.Limited() {
		f.Limit = 0 // counted below, of one's own
	}
	rows, err := a.o.Store.SilenceLog(ctx, f)
	if err != nil {
		return nil, err
	}
	if mine.Limited() {
		rows = slices.DeleteFunc(rows, func(s *store.Silence) bool { return !mine.Has(SoleDAG(s.DAGs)) })
		if limit > 0 {
			rows = rows[:min(limit, len(rows))]
		}
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

// Silence is one silence. Its error wraps [ErrNotFound] when there is none.
func (a *API) Silence(ctx context.Context, id int64) (Silence, error) {
	if a.o.Store == nil {
		return Silence{}, store.NoSuch("snooze.gone", id)
	}
	s, err := a.o.Store.Silence(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Silence{}, store.NoSuch("snooze.gone", id)
	}
	if err != nil {
		return Silence{}, err
	}
	mine, err := a.Only(ctx)
	if err == nil && !mine.Has(SoleDAG(s.DAGs)) {
		err = store.NoSuch("snooze.gone", id)
	}
	if err != nil {
		return Silence{}, err
	}
	counts, err := a.o.Store.CountSilenced(ctx, id)
	return a.silenceOf(s, counts[id]), err
}

// Unsnooze ends silences now, and returns them: the one with a number, or the snoozes of a DAG and its tasks
// or of a robot, on any robot or of any DAG. What they kept back is summed up by the process that works on the
// store. Its error wraps [ErrNotFound] when there is none.
func (a *API) Unsnooze(ctx context.Context, what string) ([]Silence, error) {
	named := func(s *store.Silence) bool {
		return s.Kind == store.SilenceSnooze && (slices.Equal(s.DAGs, []string{what}) || slices.Contains(s.Robots, what))
	}
	if id, err := strconv.ParseInt(what, 10, 64); err == nil {
		ended, err := a.endSilences(ctx, func(s *store.Silence) bool { return s.ID == id })
		if len(ended) > 0 || err != nil {
			return ended, err
		}
	}
	ended, err := a.endSilences(ctx, named)
	if err != nil || len(ended) > 0 {
		return ended, err
	}
	return nil, a.noSnooze(ctx, fmt.Sprintf("no snooze of %q", what))
}

// UnsnoozeAll ends the snoozes of all alerts, as [API.Unsnooze] does.
func (a *API) UnsnoozeAll(ctx context.Context) ([]Silence, error) {
	ended, err := a.endSilences(ctx, func(s *store.Silence) bool {
		return s.Kind == store.SilenceSnooze && len(s.DAGs) == 0 && len(s.Robots) == 0
	})
	if err != nil || len(ended) > 0 {
		return ended, err
	}
	return nil, a.noSnooze(ctx, "no snooze of all alerts")
}

// noSnooze says what is silent instead.
func (a *API) noSnooze(ctx context.Context, text string) error {
	open, err := a.Silences(ctx, false, 0)
	if err != nil {
		return err
	}
	var all []string
	for _, s := range open {
		if s.Kind != store.SilenceDouble && s.Until.After(a.o.Clock()) {
			all = append(all, fmt.Sprintf("%s %d (%s)", s.Kind, s.ID, s.What))
		}
	}
	switch n := len(all); {
	case n == 0:
		return store.Missing("%s: nothing is snoozed", text)
	case n > 5:
		return store.Missing("%s: there are %d others", text, n)
	}
	return store.Missing("%s: there is %s", text, strings.Join(all, ", "))
}

// endSilences ends the silences that have not ended yet and are meant.
func (a *API) endSilences(ctx context.Context, meant func(*store.Silence) bool) (ended []Silence, err error) {
	if a.o.Store == nil {
		return nil, nil
	}
	mine, err := a.Only(ctx)
	if err != nil {
		return nil, err
	}
	err = a.o.Store.Tx(ctx, func(tx store.Tx) error {
		ended = nil
		open, err := tx.OpenSilences(ctx)
		if err != nil {
			return err
		}
		now := a.o.Clock().UTC().Truncate(time.Millisecond)
		for _, s := range open {
			if !meant(s) || !mine.Has(SoleDAG(s.DAGs)) {
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
	return ended, err
}
