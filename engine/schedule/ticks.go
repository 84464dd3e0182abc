package schedule

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// passedOver walks the ticks after the last run, or after the DAG was first seen, that come
// after what is on record and before the one that is due now, and calls see for each. It
// follows the timetable as it is now.
func passedOver(d *dag.DAG, last *store.Run, seen, recorded, due time.Time, see func(timetable.Run)) {
	r := timetable.Restriction{Earliest: d.StartDate, Latest: d.EndDate}
	iv := covered(d, last)
	if iv == nil {
		// What was due before anybody knew the DAG is nobody's loss.
		first, ok := d.Timetable.Next(nil, r, seen)
		if !ok || !first.RunAfter.Before(due) {
			return
		}
		if !first.RunAfter.Before(seen) && first.RunAfter.After(recorded) {
			see(first)
		}
		iv = &first.Interval
	}
	if !recorded.IsZero() {
		// The newest tick on record, which can be years after the last run.
		if t, ok := d.Timetable.Next(iv, r, recorded); ok && !t.RunAfter.After(recorded) && t.Interval.End.After(iv.End) {
			iv = &t.Interval
		}
	}
	r.Catchup = true
	for {
		t, ok := d.Timetable.Next(iv, r, due)
		if !ok || !t.RunAfter.Before(due) || !t.Interval.End.After(iv.End) {
			return
		}
		if t.RunAfter.After(recorded) {
			see(t)
		}
		iv = &t.Interval
	}
}

// Record is a record of ticks that started no run of their own.
type Record struct {
	*store.TickRange
	// Tell says that the cause is nothing that a person asked for: on_missed_callback speaks
	// of it.
	Tell bool
}

// PassedOver are the records of the ticks between the last run of a DAG, nil for none, and
// the tick that is due, as far as they are not on record.
func PassedOver(ctx context.Context, r store.Reader, d *dag.DAG, last *store.Run, due timetable.Run, now time.Time) ([]Record, error) {
	if d.Catchup {
		return nil, nil // every tick gets its run
	}
	recorded, err := lastRecorded(ctx, r, d.ID)
	if err != nil {
		return nil, err
	}
	var since, seen time.Time
	if last != nil {
		since = last.RunAfter
	}
	h, err := ReadHistory(ctx, r, d.ID, since, now)
	if err != nil {
		return nil, err
	}
	if len(h.Pauses) > 0 {
		seen = h.Pauses[0].At
	} else if last == nil {
		return nil, nil // nothing tells since when it is known
	}
	var out []Record
	passedOver(d, last, seen, recorded, due.RunAfter, func(t timetable.Run) { out = h.add(out, d.ID, t.RunAfter) })
	return out, nil
}

// add adds a tick to the last record, or to a new one if something else became of it.
func (h *History) add(rs []Record, dagID string, tick time.Time) []Record {
	o, why, byEngine := h.judge(tick)
	if n := len(rs); n > 0 && rs[n-1].Outcome == o && rs[n-1].Reason == why.String() {
		rs[n-1].Last = tick
		rs[n-1].Count++
		return rs
	}
	return append(rs, Record{record(dagID, tick, o, why, h.now), byEngine})
}

func record(dagID string, tick time.Time, o store.TickOutcome, why phrase.Text, now time.Time) *store.TickRange {
	return &store.TickRange{DAGID: dagID, First: tick, Last: tick, Count: 1, Outcome: o, Reason: why.String(), Said: kept(why), RecordedAt: now}
}

// kept is a reason as a record keeps it beside its words, nil if it cannot be.
func kept(why phrase.Text) json.RawMessage {
	raw, err := json.Marshal(why)
	if err != nil {
		return nil // the words stand beside it
	}
	return raw
}

// Said is the reason of a record, to be put into words in any language. What an older version has recorded, or a newer one in
// a form of its own, is the English words that stand beside it.
func Said(said json.RawMessage, words string) (why phrase.Text) {
	if len(said) == 0 || json.Unmarshal(said, &why) != nil || why.IsZero() {
		return phrase.Plain(words)
	}
	return why
}

// lastRecorded is the last tick of a DAG on record, zero for none.
func lastRecorded(ctx context.Context, r store.Reader, dagID string) (time.Time, error) {
	done, err := r.TickRanges(ctx, dagID, 1)
	if err != nil || len(done) == 0 {
		return time.Time{}, err
	}
	return done[0].Last, nil
}

// OtherInterval says that a run which somebody triggered has the logical date of a tick and
// not its data interval: that has no run then. It returns nothing when the interval fits.
//
// Airflow gives a run that is triggered at the moment of a tick the interval that ends
// there, and never makes one for the interval that begins there.
func OtherInterval(r *store.Run, tick timetable.Run) phrase.Text {
	if r.Type != dag.ManualRun || r.IntervalStart.Equal(tick.Interval.Start) && r.IntervalEnd.Equal(tick.Interval.End) {
		return phrase.Text{}
	}
	return phrase.Of("tick.other_interval", r.RunID, r.IntervalStart, r.IntervalEnd, tick.Interval.Start, tick.Interval.End,
		r.DAGID, Moment(tick.Interval.End.Add(time.Second))) // a command has its date in one form
}

// Taken is the record of a tick that started no run because one with its logical date
// exists; nil when it is on record already.
func Taken(ctx context.Context, r store.Reader, d *dag.DAG, due timetable.Run, now time.Time) (*Record, error) {
	recorded, err := lastRecorded(ctx, r, d.ID)
	if err != nil || !recorded.IsZero() && !due.RunAfter.After(recorded) {
		return nil, err
	}
	run, err := r.RunAt(ctx, d.ID, due.LogicalDate)
	if err != nil || run == nil {
		return nil, err
	}
	if why := OtherInterval(run, due); !why.IsZero() {
		return &Record{record(d.ID, due.RunAfter, store.TickSkipped, why, now), true}, nil
	}
	return &Record{record(d.ID, due.RunAfter, store.TickStarted, phrase.Of("tick.has_run", run.RunID), now), false}, nil
}
