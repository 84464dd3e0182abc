package overview

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/files"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

const (
	// Lately is how far back [Overview.Home] looks.
	Lately = 24 * time.Hour
	// most bounds each of its lists, fewAlerts those that are long to read.
	most, fewAlerts = 20, 5
)

// Home is what somebody on call wants to know first.
type Home struct {
	// DAGs counts those that there are, Paused the paused ones among them.
	DAGs, Paused int
	// Succeeded and Failed count the runs that ended lately, Running and Queued those that are open.
	Succeeded, Failed, Running, Queued int
	// Failures are the DAGs of which runs failed lately, those that are broken still before those that have recovered,
	// the newest failure first. FailedDAGs is how many there are with those that are left out.
	Failures   []Failure
	FailedDAGs int
	// Open are the runs that are running, the newest first, as far as they are shown.
	Open []api.Run
	// Unstarted are the ticks that lately turned out to start no run because something was wrong, of UnstartedDAGs DAGs.
	Unstarted     []Unstarted
	UnstartedDAGs int
	// Untold are the newest of the UntoldAlerts alerts that lately told nobody, or perhaps nobody.
	Untold       []api.AlertProblem
	UntoldAlerts int
	// ImportErrors are some of the BrokenFiles problems that keep files, or DAGs in them, from being loaded.
	ImportErrors []files.ImportError
	BrokenFiles  int
}

// Failure is a DAG of which runs failed lately.
type Failure struct {
	DAGID string
	// Count is how many failed, Run the newest of them.
	Count int
	Run   api.Run
	// Recovered says that a newer run succeeded, Running that a newer one is open.
	Recovered, Running bool
	// TaskID is what failed first in the run, empty when no task did; MapIndex is -1 for an unmapped one.
	TaskID   string
	MapIndex int
	Label    string
	Try      int
	// Error is why, secrets masked.
	Error string
}

// Reason is the error in short, or why the run itself failed.
func (f *Failure) Reason() string { return cmp.Or(schedule.Brief(f.Error), f.Run.Reason) }

// Unstarted are ticks of a DAG that started no run.
type Unstarted struct {
	DAGID       string
	First, Last time.Time
	Count       int
	// Reason is a sentence without its end, its secrets not masked.
	Reason phrase.Text
}

// Home tells it to somebody who may see some DAGs.
func (o *Overview) Home(ctx context.Context, scope Scope) (*Home, error) {
	h, seen, now := &Home{}, map[string]bool{}, o.o.Clock()
	all, _, err := o.o.Folder.DAGs()
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		head := headOf(d)
		if seen[d.ID] = scope.has(&head); seen[d.ID] {
			h.DAGs++
		}
	}
	sees := func(id string) bool { return scope == nil || seen[id] }
	paused, err := o.o.Store.PausedDAGs(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range paused {
		if seen[id] {
			h.Paused++
		}
	}
	if err := o.ended(ctx, h, sees, now); err != nil {
		return nil, err
	}
	if err := o.open(ctx, h, sees); err != nil {
		return nil, err
	}
	ticks, err := o.o.Store.UnstartedTicks(ctx, now.Add(-Lately), now.Add(time.Second))
	if err != nil {
		return nil, err
	}
	for _, t := range ticks {
		if t.Outcome == store.TickMissed && sees(t.DAGID) {
			h.UnstartedDAGs++
			if len(h.Unstarted) < most {
				h.Unstarted = append(h.Unstarted, Unstarted{t.DAGID, t.First.UTC(), t.Last.UTC(), t.Count, schedule.Said(t.Said, t.Reason)})
			}
		}
	}
	untold, err := o.o.API.CheckAlerts(ctx, now.Add(-Lately))
	if err != nil {
		return nil, err
	}
	untold = slices.DeleteFunc(untold, func(p api.AlertProblem) bool { return scope != nil && p.DAGID == "" || p.DAGID != "" && !sees(p.DAGID) })
	slices.Reverse(untold)
	h.Untold, h.UntoldAlerts = untold[:min(len(untold), fewAlerts)], len(untold)
	mine, err := o.only(ctx, scope)
	if err != nil {
		return nil, err
	}
	h.ImportErrors, err = files.ImportErrors(ctx, o.o.Store, mine, o.o.Masker.Mask)
	h.BrokenFiles = len(h.ImportErrors)
	h.ImportErrors = h.ImportErrors[:min(h.BrokenFiles, most)]
	return h, err
}

// ended fills in the runs that ended lately.
func (o *Overview) ended(ctx context.Context, h *Home, sees func(string) bool, now time.Time) error {
	counts, err := o.o.Store.EndedRunCounts(ctx, now.Add(-Lately), now.Add(time.Second))
	if err != nil {
		return err
	}
	for _, c := range counts {
		switch {
		case !sees(c.DAGID):
		case c.State == dag.RunFailed:
			h.Failed += c.Count
			h.Failures = append(h.Failures, Failure{DAGID: c.DAGID, Count: c.Count, MapIndex: -1})
		case c.State == dag.RunSuccess:
			h.Succeeded += c.Count
		}
	}
	h.FailedDAGs = len(h.Failures)
	if err := o.since(ctx, h.Failures); err != nil {
		return err
	}
	worst := func(a, b Failure) int {
		return cmp.Or(a.rank()-b.rank(), b.end().Compare(a.end()), strings.Compare(a.DAGID, b.DAGID))
	}
	slices.SortFunc(h.Failures, worst)
	shown := []Failure{}
	for _, f := range h.Failures[:min(len(h.Failures), most)] {
		known, err := o.newestFailure(ctx, &f)
		if err != nil {
			return err
		}
		if !known { // it has gone since it was counted
			continue
		}
		if err := o.cause(ctx, &f); err != nil {
			return err
		}
		shown = append(shown, f)
	}
	slices.SortFunc(shown, worst)
	h.Failures = shown
	return nil
}

// rank is 0 for what is broken still, 1 for what runs again, 2 for what has recovered.
func (f *Failure) rank() int {
	switch {
	case f.Recovered:
		return 2
	case f.Running:
		return 1
	default:
		return 0
	}
}

// since finds the newest run of each, which tells what has become of the DAG since it failed.
func (o *Overview) since(ctx context.Context, all []Failure) error {
	if len(all) == 0 {
		return nil
	}
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].DAGID
	}
	runs, err := o.o.API.NewestRuns(ctx, ids...)
	if err != nil {
		return err
	}
	newest := map[string]api.Run{}
	for _, r := range runs {
		newest[r.DAGID] = r
	}
	for i := range all {
		f := &all[i]
		r, ok := newest[f.DAGID]
		if !ok {
			continue
		}
		f.Run, f.Recovered, f.Running = r, r.State == dag.RunSuccess, !r.State.Finished()
	}
	return nil
}

func (f *Failure) end() time.Time {
	if f.Run.EndDate == nil {
		return time.Time{}
	}
	return *f.Run.EndDate
}

// newestFailure finds the newest run that failed. It reports false when none has.
func (o *Overview) newestFailure(ctx context.Context, f *Failure) (bool, error) {
	if f.Run.State == dag.RunFailed {
		return true, nil
	}
	failed, err := o.o.API.Runs(ctx, api.RunQuery{DAGID: f.DAGID, States: []dag.RunState{dag.RunFailed}, Page: api.Page{Limit: 1}})
	if err != nil || len(failed.Items) == 0 {
		return false, err
	}
	f.Run = failed.Items[0]
	return true, nil
}

// cause finds what failed first in the run.
func (o *Overview) cause(ctx context.Context, f *Failure) error {
	end := f.end()
	r, in, err := o.o.Store.FirstFailure(ctx, f.DAGID, end, end.Add(time.Millisecond))
	if err != nil || r == nil || in == nil || r.RunID != f.Run.RunID {
		return err
	}
	f.TaskID, f.MapIndex, f.Label, f.Try, f.Error = in.TaskID, in.MapIndex, in.Label(), in.Try, o.o.Masker.Mask(in.Error)
	return nil
}

// open fills in the runs that are open.
func (o *Overview) open(ctx context.Context, h *Home, sees func(string) bool) error {
	counts, err := o.o.Store.OpenRunCounts(ctx)
	if err != nil {
		return err
	}
	for _, c := range counts {
		switch {
		case !sees(c.DAGID):
		case c.State == dag.RunRunning:
			h.Running += c.Count
		default:
			h.Queued += c.Count
		}
	}
	q := api.RunQuery{States: []dag.RunState{dag.RunRunning}, Page: api.Page{Limit: most}}
	for len(h.Open) < most {
		l, err := o.o.API.Runs(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range l.Items {
			if sees(r.DAGID) && len(h.Open) < most {
				h.Open = append(h.Open, r)
			}
		}
		if q.Cursor = l.Next; q.Cursor == "" || h.Running <= len(h.Open) {
			break
		}
	}
	return nil
}
