package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
)

const (
	// The time between two looks at a run grows from the first to the second.
	firstWaitPause = time.Millisecond
	lastWaitPause  = 100 * time.Millisecond
	// waitLook is the time between two looks whether somebody works on the store.
	waitLook = time.Second
	// waitAlone is how long nobody may work on the store before a wait ends: a restart is shorter.
	waitAlone = 15 * time.Second
)

// canWait refuses to wait for a run that nobody will start.
func canWait(ctx context.Context, a *app.App, ask *api.API) error {
	working, err := ask.Working(ctx)
	if err == nil && !working {
		err = fmt.Errorf("--wait: no scheduler is running on %s, so nothing would start the run, and none was created: start dingdag standalone first, or leave out --wait", a.Place())
	}
	return err
}

// waitRun shows how a run gets on until it has ended, and fails when the run does. The end
// of ctx ends the wait and leaves the run as it is.
func waitRun(ctx context.Context, a *app.App, ask *api.API, made *api.Triggered) error {
	p := &runProgress{a: a, tasks: made.Tasks, seen: map[string]string{}, began: a.Clock()}
	run := made.Run
	if a.Terminal() {
		p.live = show.NewLiveLine(a.IO)
	}
	pause := firstWaitPause
	again := time.NewTimer(pause)
	defer again.Stop()
	worked := a.Clock()
	looked := worked
	for {
		seen, err := ask.Progress(ctx, run.DAGID, run.RunID)
		if err == nil {
			p.show(seen)
		}
		if err == nil && seen.Run.State.Finished() {
			return p.end(&seen.Run)
		}
		if now := a.Clock(); err == nil && now.Sub(looked) >= waitLook {
			var working bool
			if working, err = ask.Working(ctx); working {
				worked = now
			}
			looked = now
		}
		switch {
		case ctx.Err() != nil:
			p.clear()
			fmt.Fprintf(a.Err, "no longer waiting: run %s of dag %s continues; see %s\n", run.RunID, run.DAGID, a.Command("dags", "list-runs", run.DAGID))
			return command.ErrQuiet
		case err != nil:
			p.clear()
			return err
		case a.Clock().Sub(worked) > waitAlone:
			p.clear()
			return fmt.Errorf("no scheduler is running on %s any more: run %s of dag %s continues once dingdag standalone is running again", a.Place(), run.RunID, run.DAGID)
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
	seen  map[string]string
}

// show shows what is new of the run.
func (p *runProgress) show(seen *api.Progress) {
	r := seen.Run
	if p.live == nil && r.State != p.state && !r.State.Finished() {
		fmt.Fprintf(p.a.Out, "run %s of dag %s: %s\n", r.RunID, r.DAGID, r.State)
	}
	p.state = r.State
	done, running, total := 0, 0, max(p.tasks, len(seen.Instances))
	for _, in := range seen.Instances {
		state := dag.State(in.State)
		if state.Finished() {
			done++
		}
		if state == dag.Running {
			running++
		}
		label := in.Label()
		quiet := in.State == dag.None.String() || state == dag.Queued || state == dag.Scheduled
		if p.live == nil && p.seen[label] != in.State && !quiet {
			fmt.Fprintf(p.a.Out, "%s: %s\n", label, in.State)
		}
		p.seen[label] = in.State
	}
	if p.live != nil {
		// What changes comes first: a narrow terminal shows no more.
		p.live.Show(fmt.Sprintf("%s %s, %d of %d tasks done, %d running: run %s of dag %s",
			r.State, p.a.Clock().Sub(p.began).Truncate(time.Second), done, total, running, r.RunID, r.DAGID))
	}
}

// clear makes room for another line.
func (p *runProgress) clear() {
	if p.live != nil {
		p.live.Clear()
	}
}

// end says how the run ended.
func (p *runProgress) end(r *api.Run) error {
	p.clear()
	text := fmt.Sprintf("run %s of dag %s: %s", r.RunID, r.DAGID, r.State)
	if r.State == dag.RunSuccess {
		_, err := fmt.Fprintln(p.a.Out, text)
		return err
	}
	_, err := fmt.Fprintf(p.a.Out, "%s (%s)\n", text, r.Reason)
	return errors.Join(command.ErrQuiet, err)
}
