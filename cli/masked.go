package cli

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/connections/file"
	"github.com/dingdag/dingdag/store/sqlite"
)

// maskOut hides, in all that the command prints from now on, what is known to be secret
// then: values of the environment that DAG files took in show up in any part of a DAG.
func (a *app) maskOut() {
	if _, done := a.Out.(*show.Masked); done {
		return
	}
	out := show.Mask(a.Out, a.maskerOnce())
	a.Out = out
	a.closes = append(a.closes, out.Close)
}

// clearOut is standard output for a command that was asked to show secrets.
func (a *app) clearOut() io.Writer {
	if out, ok := a.Out.(*show.Masked); ok {
		return out.Below()
	}
	return a.Out
}

// knowSecrets registers the secrets of all places where tasks find them, so that they are
// hidden wherever they have got to: an XCom, the text of an error, a rendered field. What
// can't be read, because its key is gone for instance, can't be known.
func (a *app) knowSecrets(ctx context.Context, s *sqlite.Store) {
	m := a.maskerOnce()
	variable := func(key, value string) {
		if m.SensitiveName(key) {
			m.Add(value)
		}
	}
	stored, err := s.Connections().Connections(ctx)
	a.unknownSecrets("connections of the store", err)
	vars, err := s.Variables().Variables(ctx)
	a.unknownSecrets("variables of the store", err)
	for _, v := range vars {
		variable(v.Key, v.Value)
	}
	if path := a.cfg.ConnectionsFile; path != "" {
		read, err := file.ReadConnections(path)
		a.unknownSecrets("connections_file", err)
		stored = append(stored, read...)
	}
	for _, c := range stored {
		m.AddConnection(c)
	}
	if path := a.cfg.VariablesFile; path != "" {
		read, err := file.ReadVariables(path)
		a.unknownSecrets("variables_file", err)
		for key, value := range read {
			variable(key, value)
		}
	}
	m.AddEnviron(a.environ())
}

// unknownSecrets notes why secrets of a place can't be hidden. Whoever needs one of them
// fails with the same error; those who don't are not held up.
func (a *app) unknownSecrets(place string, err error) {
	if err != nil {
		a.log().Debug("secrets can't be known", "place", place, "error", err)
	}
}

// environ is the whole environment.
func (a *app) environ() []string {
	if a.Environ == nil {
		return nil
	}
	return a.Environ()
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
