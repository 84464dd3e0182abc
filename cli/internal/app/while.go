package app

import (
	"cmp"
	"context"
	"errors"

	"github.com/dingdag/dingdag/cli/internal/signals"
	"github.com/dingdag/dingdag/engine"
)

// Runner is what [While] runs: an engine.
type Runner interface {
	Run(ctx context.Context, o engine.RunOptions) error
}

// While lets an engine work for as long as a command has work for it. The context of the work
// ends when the engine does, with the engine's error as its cause. While returns once both have
// ended, with what ended the work, else with the engine's error.
func While(ctx context.Context, e Runner, o engine.RunOptions, work func(context.Context) error) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	working, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	ready, ended := make(chan struct{}), make(chan error, 1)
	o.Interrupted, o.Ready = signals.Interrupted(ctx), func() { close(ready) }
	go func() {
		err := e.Run(running, o)
		giveUp(cmp.Or(err, errors.New("the engine stopped")))
		ended <- err
	}()
	select {
	case <-ready:
	case err := <-ended:
		return cmp.Or(err, context.Cause(working))
	}
	err := work(working)
	stop()
	return cmp.Or(err, <-ended)
}
