package ledger

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/web/pages/page"
)

// snoozesData are times of silence.
type snoozesData struct {
	Rows []snoozeRow
	// All says that those that are over are shown too.
	All bool
	// May says that whoever asks may silence something, Everything that it may be all DAGs.
	May, Everything bool
	// Form is what was filled in, Problem what is wrong with it, Warnings what could not be checked.
	Form     snoozeForm
	Problem  string
	Warnings []string
	Lengths  []length
}

// snoozeRow is a silence with what whoever asks may do about it.
type snoozeRow struct {
	api.Silence

	// Open says that it is not over, Ends that he may end it.
	Open, Ends bool
}

// snoozeForm is the form of a new one, as texts.
type snoozeForm struct {
	DAGID, TaskID, Robot, Length, Until, Reason string
	Urgent                                      bool
}

// length is one for how long alerts may be silenced, as it is sent and as people read it.
type length struct{ Value, Text string }

// lengths are for how long alerts may be silenced by one choice.
func lengths() []time.Duration {
	return []time.Duration{time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour, 72 * time.Hour, 168 * time.Hour}
}

// mostSnoozes is how many silences the list has.
const mostSnoozes = 200

func (l *Ledger) showSnoozes(r page.Request) error {
	return l.snoozes(r, snoozeForm{DAGID: r.HTTP().URL.Query().Get("dag_id"), TaskID: r.HTTP().URL.Query().Get("task_id"), Length: "1h"}, "")
}

// snoozes shows the list with the form.
func (l *Ledger) snoozes(r page.Request, form snoozeForm, problem string) error {
	d := snoozesData{All: r.HTTP().URL.Query().Get("all") != "", Form: form, Problem: problem}
	for _, n := range lengths() {
		hours := int(n.Hours())
		d.Lengths = append(d.Lengths, length{strconv.Itoa(hours) + "h", r.Say("snoozes.hours", hours)})
	}
	ctx := r.HTTP().Context()
	all, err := l.ask(r).Silences(ctx, d.All, mostSnoozes)
	if err != nil {
		return err
	}
	sees, err := l.sees(r)
	if err != nil {
		return err
	}
	operates, err := l.operates(r)
	if err != nil {
		return err
	}
	d.Everything = operates.All()
	d.May = d.Everything || r.Who().Name != "" && l.operatesSome(r)
	for _, s := range all {
		seen, err := sees.Has(ctx, api.SoleDAG(s.DAGs))
		if err != nil {
			return err
		}
		if !seen {
			continue
		}
		may, err := operates.Has(ctx, api.SoleDAG(s.DAGs))
		if err != nil {
			return err
		}
		open := s.Until.After(r.Time())
		d.Rows = append(d.Rows, snoozeRow{s, open, open && may && s.Kind == "snooze"})
	}
	return r.Show(page.Head{Name: "ledger_snoozes", Nav: "alerts", Title: r.Say("snoozes.title"), Status: page.Status(problem), Live: true}, d)
}

// operatesSome reports whether whoever asks may change something of a DAG that the form may name.
func (l *Ledger) operatesSome(r page.Request) bool {
	id := r.HTTP().URL.Query().Get("dag_id")
	return id != "" && must(r, id, l.operates) == nil
}

// snooze silences what the form says.
func (l *Ledger) snooze(r page.Request) error {
	f := r.HTTP().PostForm
	form := formOf(f)
	if err := l.named(r, api.SoleDAG([]string{form.DAGID}), l.sees, l.operates); err != nil {
		return err
	}
	q := api.Snooze{
		DAGID: form.DAGID, TaskID: form.TaskID, Robot: form.Robot, All: form.DAGID == "" && form.Robot == "" && f.Get("all") != "", Urgent: form.Urgent, Reason: form.Reason,
	}
	if len(q.Reason) > maxNote {
		return page.Wrong("error.note")
	}
	if form.Until != "" {
		at, err := r.Moment(form.Until)
		if err != nil {
			return l.snoozes(r, form, r.Say("error.moment"))
		}
		q.Until = at
	} else {
		for _, n := range lengths() {
			if form.Length == strconv.Itoa(int(n.Hours()))+"h" {
				q.Until = r.Time().Add(n)
			}
		}
		if q.Until.IsZero() {
			return page.Wrong("error.word")
		}
	}
	if _, err := l.ask(r).Snooze(r.HTTP().Context(), q); err != nil {
		if problem := r.Mistake(err); problem != "" {
			return l.snoozes(r, form, problem)
		}
		return err
	}
	to := r.Link("snoozes")
	if !r.Who().OperatesAll() {
		to += "?" + url.Values{"dag_id": {form.DAGID}}.Encode()
	}
	return r.Go(to)
}

func formOf(f url.Values) snoozeForm {
	text := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	return snoozeForm{
		DAGID: text("dag_id"), TaskID: text("task_id"), Robot: text("robot"), Length: text("length"), Until: text("until"), Reason: text("reason"),
		Urgent: f.Get("urgent") != "",
	}
}

// endSnooze ends a silence before its time. One that is over is over, as was asked for.
func (l *Ledger) endSnooze(r page.Request) error {
	id, err := page.Number(r.HTTP().PathValue("silence_id"))
	if err != nil {
		return err
	}
	ctx := r.HTTP().Context()
	s, err := l.ask(r).Silence(ctx, id)
	if err != nil {
		return l.hide(r, err)
	}
	if err := must(r, api.SoleDAG(s.DAGs), l.sees, l.operates); err != nil {
		return err
	}
	if slices.Contains([]string{"maintenance", "double"}, string(s.Kind)) {
		return page.Wrong("error.no_snooze")
	}
	if s.Until.After(r.Time()) {
		if _, err := l.ask(r).Unsnooze(ctx, strconv.FormatInt(id, 10)); err != nil {
			return err
		}
	}
	return r.Go(r.Link("snoozes"))
}
