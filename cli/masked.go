package cli

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/dingdag/dingdag/connections"
)

// maskedOut is standard output with the secrets of DAG files hidden.
type maskedOut struct {
	*connections.MaskWriter
	to io.Writer
}

// maskOut hides, in all that the command prints from now on, what is known to be secret
// then: values of the environment that DAG files took in show up in any part of a DAG.
func (a *app) maskOut() {
	if _, done := a.Out.(maskedOut); done {
		return
	}
	out := maskedOut{a.maskerOnce().Writer(a.Out), a.Out}
	a.Out = out
	a.closes = append(a.closes, out.Close)
}

// variableLookup reads variables for DAG files in the usual order: files, environment,
// store. The store is opened when a file first asks, and not made.
func (a *app) variableLookup() func(string) (string, bool, error) {
	source := sync.OnceValues(func() (connections.VariableSource, error) {
		ctx := context.Background() // loading is not cut short
		if ok, err := a.storeExists(); err != nil {
			return nil, err
		} else if ok {
			if _, err := a.openStore(ctx); err != nil {
				return nil, err
			}
		}
		_, variables, err := a.sources(nil)
		return variables, err
	})
	return func(name string) (string, bool, error) {
		variables, err := source()
		if err != nil {
			return "", false, err
		}
		text, err := variables.Variable(context.Background(), name)
		if errors.Is(err, connections.ErrNotFound) {
			return "", false, nil
		}
		return text, err == nil, err
	}
}
