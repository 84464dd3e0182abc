package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/receiving"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/cli/internal/signals"
)

// Receive is a program that receives on the store of the home folder of the environment, as a second process
// beside the one that works there, until it gets a signal.
func Receive() {
	ctx, stop := signals.Notify(context.Background())
	a := app.New(show.IO{Out: io.Discard, Err: os.Stderr, LookupEnv: os.LookupEnv, Environ: os.Environ}, clock, parts(Extensions{}))
	err := receive(ctx, a)
	stop()
	if cerr := a.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func receive(ctx context.Context, a *app.App) error {
	if _, err := a.ReadSettings(); err != nil {
		return err
	}
	s, err := a.OpenStore(ctx)
	if err != nil {
		return err
	}
	if _, err := a.Catalog(); err != nil { // before several commands ask for it at once
		return err
	}
	e, err := a.Asker(ctx)
	if err != nil {
		return err
	}
	a.Works(e)
	keeper, err := a.CardKeeper(s) // draws nothing: the process that works does
	if err != nil {
		return err
	}
	talk, err := receiving.New(a, s, keeper, e)
	if err != nil {
		return err
	}
	talk.Run(ctx)
	return nil
}
