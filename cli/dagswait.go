package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

const (
	// The time between two looks at a run grows from the first to the second.
	firstWaitPause = 3 * time.Millisecond
	lastWaitPause  = 100 * time.Millisecond
	// waitAlone is how long nobody may work on the store before a wait ends: a restart is shorter.
	waitAlone = 15 * time.Second
)

// canWait refuses to wait for a run that nobody will start.
func canWait(ctx context.Context, a *app.App, s store.Store) error {
	working, err := s.Leased(ctx, a.Clock())
	if err == nil && !working {
		err = fmt.Errorf("--wait: no scheduler works on %s, so nothing would start the run, and none was created: start dingdag standalone first, or leave out --wait", a.Settings.Home)
	}
	return err
}

// waitRun shows how a run gets on until it has ended, and fails when the run does. The end
// of ctx ends the wait and leaves the run as it is.
func waitRun(ctx context.Context, a *app.App, s store.Store, run *store.Run, tasks int) error {
	p := &runProgress{a: a, tasks: tasks, seen: map[string]dag.State{}, began: a.Clock()}
	if a.Terminal() {
		p.live = show.NewLiveLine(a.IO)
	}
	pause := firstWaitPause
	again := time.NewTimer(pause)
	defer again.Stop()
	worked := a.Clock()
	for {
		r, err := p.look(ctx, s, run.Key)
		if err == nil && r.State.Finished() {
			return p.end(r)
		}
		if err == nil {
			var working bool
			if working, err = s.Leased(ctx, a.Clock()); working {
				worked = a.Clock()
			}
		}
		switch {
		case ctx.Err() != nil:
			p.clear()
			fmt.Fprintf(a.Err, "not waiting any more: run %s of dag %s goes on; see dingdag dags list-runs %s\n", run.RunID, run.DAGID, run.DAGID)
			return command.ErrQuiet
		case err != nil:
			p.clear()
			return err
		case a.Clock().Sub(worked) > waitAlone:
			p.clear()
			return fmt.Errorf("no scheduler works on %s any more: run %s of dag %s goes on once dingdag standalone runs again", a.Settings.Home, run.RunID, run.DAGID)
		}
		select {
		case <-again.C:
			pause = min(pause*5/4, lastWaitPause)
			again.Reset(pause)
		case <-ctx.Done():
		}
	}
}

// runProgress is one line that changes on a terminal, and elsewhere a line for each change.
type runProgress struct {
	a     *app.App
	live  *show.LiveLine // nil when not a terminal
	tasks int
	began time.Time
	state dag.RunState
	seen  map[string]dag.State
}

// look reads the run and shows what is new.
func (p *runProgress) look(ctx context.Context, s store.Store, key int64) (*store.Run, error) {
	r, err := s.Run(ctx, key) // before its instances: theirs are then as new
	if err != nil {
		return nil, err
	}
	is, err := s.Instances(ctx, key)
	if err != nil {
		return nil, err
	}
	if p.live == nil && r.State != p.state && !r.State.Finished() {
		fmt.Fprintf(p.a.Out, "run %s of dag %s: %s\n", r.RunID, r.DAGID, r.State)
	}
	p.state = r.State
	done, running, total := 0, 0, max(p.tasks, len(is))
	for _, in := range is {
		if in.State.Finished() {
			done++
		}
		if in.State == dag.Running {
			running++
		}
		label := in.Label()
		if p.live == nil && p.seen[label] != in.State && in.State != dag.None && in.State != dag.Queued && in.State != dag.Scheduled {
			fmt.Fprintf(p.a.Out, "%s: %s\n", label, in.State)
		}
		p.seen[label] = in.State
	}
	if p.live != nil {
		// What changes comes first: a narrow terminal shows no more.
		p.live.Show(fmt.Sprintf("%s %s, %d of %d tasks done, %d running: run %s of dag %s",
			r.State, p.a.Clock().Sub(p.began).Truncate(time.Second), done, total, running, r.RunID, r.DAGID))
	}
	return r, nil
}

// clear makes room for another line.
func (p *runProgress) clear() {
	if p.live != nil {
		p.live.Clear()
	}
}

// end says how the run ended.
func (p *runProgress) end(r *store.Run) error {
	p.clear()
	text := fmt.Sprintf("run %s of dag %s: %s", r.RunID, r.DAGID, r.State)
	if r.State == dag.RunSuccess {
		_, err := fmt.Fprintln(p.a.Out, text)
		return err
	}
	_, err := fmt.Fprintf(p.a.Out, "%s (%s)\n", text, r.Reason)
	return errors.Join(command.ErrQuiet, err)
}
