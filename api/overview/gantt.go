package overview

import (
	"context"
	"slices"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Gantt is when the tasks of a run waited and ran.
type Gantt struct {
	Run *Run
	// Rows are the tasks and groups in the order of [Run.Nodes].
	Rows []GanttRow
	// From is the first moment at which something was queued, To the last one at which something ended, or now while the run
	// goes on. Both are zero while nothing has begun.
	From, To time.Time
}

// GanttRow is a task or a group with its time.
type GanttRow struct {
	Node

	Cell Cell
	// Spans are the tries of a task that is not mapped, the first one first. Of a mapped task and of a group there is one, from
	// the first start to the last end.
	Spans []Span
	// Critical says that the end of the run waited for the task: it ended last of all, or of those that a critical task
	// waited for.
	Critical bool
}

// Span is the time of a try.
type Span struct {
	Try   int
	State string
	// Queued and Start are zero when they are not known, End is now for what goes on.
	Queued, Start, End time.Time
}

// Gantt tells it of a run.
func (o *Overview) Gantt(ctx context.Context, dagID, runID string) (*Gantt, error) {
	r, err := o.Run(ctx, dagID, runID)
	if err != nil {
		return nil, err
	}
	plain := -1
	is, err := o.o.Store.FindInstances(ctx, store.InstanceFilter{RunKey: r.Key, MapIndex: &plain})
	if err != nil {
		return nil, err
	}
	past, err := o.o.Store.PlainTries(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	now, tries := o.o.Clock(), map[string][]Span{}
	for _, in := range append(past, is...) {
		spans := tries[in.TaskID]
		if n := len(spans); n > 0 && spans[n-1].Try == in.Try {
			continue // it was cleared and waits: its last try is kept already
		}
		if s, begun := spanOf(in.Try, in.State, in.QueuedAt, in.StartDate, in.EndDate, now); begun {
			tries[in.TaskID] = append(spans, s)
		}
	}
	g := &Gantt{Run: r}
	for _, n := range r.Nodes {
		row := GanttRow{Node: n, Cell: r.Cells[n.ID], Spans: tries[n.ID]}
		if n.Group || n.Mapped {
			if s, begun := spanOf(row.Cell.Try, state(row.Cell.State), time.Time{}, row.Cell.StartDate, row.Cell.EndDate, now); begun {
				row.Spans = []Span{s}
			}
		}
		for _, s := range row.Spans {
			begin := s.Start
			if !s.Queued.IsZero() && (begin.IsZero() || s.Queued.Before(begin)) {
				begin = s.Queued
			}
			if g.From.IsZero() || begin.Before(g.From) {
				g.From = begin
			}
			if s.End.After(g.To) {
				g.To = s.End
			}
		}
		g.Rows = append(g.Rows, row)
	}
	if shape, err := o.shape(ctx, r.Version); err == nil { // why it can't be read is in Run.Partial
		g.mark(shape.Edges)
	}
	return g, nil
}

// spanOf is the time of a try. It reports false for one that has not been queued yet.
func spanOf(try int, is dag.State, queued, start, end, now time.Time) (Span, bool) {
	s := Span{Try: try, State: is.String(), Queued: queued, Start: start, End: end}
	atWork := slices.Contains([]dag.State{dag.Queued, dag.Running, dag.Deferred, dag.UpForReschedule, dag.Restarting}, is)
	switch {
	case start.IsZero() && queued.IsZero():
		return s, false
	case atWork, end.Before(start) && !is.Finished():
		s.End = now
	case end.IsZero():
		s.End = start
	}
	if !start.IsZero() && queued.After(start) { // it is queued for another try
		s.Queued = time.Time{}
	}
	if s.End.Before(s.Queued) {
		s.End = s.Queued
	}
	return s, true
}

// ended is when the last try of a row was over.
func (r *GanttRow) ended() time.Time {
	if r.Group || len(r.Spans) == 0 {
		return time.Time{}
	}
	return r.Spans[len(r.Spans)-1].End
}

// mark finds the critical tasks, from the one that ended last to the one that began it all.
func (g *Gantt) mark(edges []Edge) {
	up, rows := map[string][]string{}, map[string]*GanttRow{}
	for _, e := range edges {
		up[e.To] = append(up[e.To], e.From)
	}
	var last *GanttRow
	for i := range g.Rows {
		r := &g.Rows[i]
		rows[r.ID] = r
		if !r.ended().IsZero() && (last == nil || r.ended().After(last.ended())) {
			last = r
		}
	}
	for last != nil {
		last.Critical = true
		var before *GanttRow
		for _, id := range up[last.ID] {
			if r := rows[id]; r != nil && !r.ended().IsZero() && (before == nil || r.ended().After(before.ended())) {
				before = r
			}
		}
		last = before
	}
}
