package app

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// gates paces what is sent to robots for all processes, through the store that the command has
// open. Without one, or with one that can't be written, messages leave at once.
type gates struct{ app *App }

// in is the gate of the store, or nil.
func (g gates) in() *gate.Gate {
	if g.app.Store == nil || g.app.ReadOnly {
		return nil
	}
	g.app.gateOnce.Do(func() { g.app.gate = gate.New(gate.In(g.app.Store), g.app.Clock) })
	return g.app.gate
}

func robotOf(r hook.GateRobot) gate.Robot {
	return gate.Robot{Key: r.Key, Name: r.Name, Rate: r.Rate, Quota: r.Quota, Timeout: r.Timeout}
}

// Enter lets one request pass, or says when to come again.
func (g gates) Enter(ctx context.Context, r hook.GateRobot) (hook.GatePass, error) {
	in := g.in()
	if in == nil {
		return free{}, nil
	}
	var p *gate.Pass
	err := awaiting(ctx, func() (err error) {
		p, err = in.Enter(ctx, robotOf(r))
		return err
	})
	if err != nil {
		return nil, err
	}
	return pass{p, g.app.Clock}, nil
}

// patience is how long a store is waited for that is away for a moment, before a message is not sent.
const patience = time.Minute

// awaiting calls ask again for as long as the store cannot answer and may later: nothing was sent yet, and a task should not fail
// because its database is restarted.
func awaiting(ctx context.Context, ask func() error) error {
	over := time.NewTimer(patience)
	defer over.Stop()
	for pause := range worker.Pauses() {
		err := ask()
		if err == nil || ctx.Err() != nil || !store.Temporary(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-over.C:
			return err
		case <-time.After(pause):
		}
	}
	return ask() // the pauses have no end
}

// Ask is Enter for somebody who does not want to send yet.
func (g gates) Ask(ctx context.Context, r hook.GateRobot) error {
	if in := g.in(); in != nil {
		return in.Ask(ctx, robotOf(r))
	}
	return nil
}

// Leave ends the waiting of whoever ctx is of.
func (g gates) Leave(ctx context.Context, r hook.GateRobot) error {
	if in := g.in(); in != nil {
		return in.Leave(ctx, robotOf(r))
	}
	return nil
}

// pass is a request through the gate of the store.
type pass struct {
	*gate.Pass
	clock func() time.Time
}

// Refused closes the gate, and says for how long.
func (p pass) Refused(ctx context.Context, block time.Duration) (time.Duration, error) {
	until, err := p.Pass.Refused(ctx, block)
	return until.Sub(p.clock()), err
}

// free is a request where there is no gate.
type free struct{}

func (free) Answered() {}
func (free) Unsent()   {}
func (free) Gone(context.Context, string, bool) error {
	return nil
}

func (free) Refused(_ context.Context, block time.Duration) (time.Duration, error) {
	return block, nil
}
