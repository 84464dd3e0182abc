package home

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/connections/env"
	"github.com/dingdag/dingdag/connections/file"
)

// MaskOutput hides, in all that the command prints from now on, what is known to be secret
// then: values of the environment that DAG files took in show up in any part of a DAG.
func (h *Home) MaskOutput() {
	if _, done := h.Out.(*show.Masked); done {
		return
	}
	out := show.Mask(h.Out, h.Masker())
	h.Out = out
	h.OnClose(out.Close)
}

// ClearOutput is standard output for a command that was asked to show secrets. What is known to be one stays hidden from
// somebody on another machine.
func (h *Home) ClearOutput() io.Writer {
	if h.host != nil {
		return h.Out
	}
	if out, ok := h.Out.(*show.Masked); ok {
		return out.Below()
	}
	return h.Out
}

// MayShow refuses to show somebody on another machine the value of a variable that is secret.
func (h *Home) MayShow(key, value string) error {
	if m := h.Masker(); h.host != nil && (m.SensitiveName(key) || m.Mask(value) != value) {
		return fmt.Errorf("variable %s is secret, and its value does not leave the machine of the server: run the command there", key)
	}
	return nil
}

// Sources builds the lookup order: files, environment, and db, which may be nil. Every
// connection they hand out is masked in all output from then on.
func (h *Home) Sources(db connections.Source) (connections.Source, connections.VariableSource, error) {
	c, err := h.ReadSettings()
	if err != nil {
		return nil, nil, err
	}
	files := file.Source{Connections: c.ConnectionsFile, Variables: c.VariablesFile}
	environ := env.New(h.LookupEnv)
	conns := []connections.Source{files, environ}
	if db != nil {
		conns = append(conns, db)
	}
	vars := []connections.VariableSource{files, environ}
	if h.Store != nil {
		vars = append(vars, h.Store.Vault())
	}
	m := h.Masker()
	return connections.Masking(connections.Chain(h.Log(), conns...), m),
		connections.MaskingVariables(connections.VariableChain(h.Log(), vars...), m), nil
}

// LookupVariable reads variables for DAG files in the usual order: files, environment,
// store. The store is opened when a file first asks, and not made.
func (h *Home) LookupVariable() func(string) (string, bool, error) {
	source := sync.OnceValues(func() (connections.VariableSource, error) {
		ctx := context.Background() // loading is not cut short
		if ok, err := h.HasStore(); err != nil {
			return nil, err
		} else if ok {
			if _, err := h.OpenStore(ctx); err != nil {
				return nil, err
			}
		}
		_, variables, err := h.Sources(nil)
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

// knowSecrets registers the secrets of all places where tasks find them, so that they are
// hidden wherever they have got to: an XCom, the text of an error, a rendered field. What
// can't be read, because its key is gone for instance, can't be known.
func (h *Home) knowSecrets(ctx context.Context, s Store) {
	m := h.Masker()
	variable := func(key, value string) {
		if m.SensitiveName(key) {
			m.Add(value)
		}
	}
	stored, err := s.Connections().Connections(ctx)
	h.unknownSecrets("connections of the store", err)
	vars, err := s.Vault().Variables(ctx)
	h.unknownSecrets("variables of the store", err)
	for _, v := range vars {
		variable(v.Key, v.Value)
	}
	if path := h.Settings.ConnectionsFile; path != "" {
		read, err := file.ReadConnections(path)
		h.unknownSecrets("connections_file", err)
		stored = append(stored, read...)
	}
	for _, c := range stored {
		m.AddConnection(c)
	}
	if path := h.Settings.VariablesFile; path != "" {
		read, err := file.ReadVariables(path)
		h.unknownSecrets("variables_file", err)
		for key, value := range read {
			variable(key, value)
		}
	}
	m.AddEnviron(h.environ())
}

// unknownSecrets notes why secrets of a place can't be hidden. Whoever needs one of them
// fails with the same error; those who don't are not held up.
func (h *Home) unknownSecrets(place string, err error) {
	if err != nil {
		h.Log().Debug("secrets cannot be known", "place", place, "error", err)
	}
}

// TaskEnviron is the environment that commands of tasks get: without connections and keys
// but those of the setting pass_env. It is nil where the environment can't be listed. The
// settings have been read.
func (h *Home) TaskEnviron() []string {
	env := h.environ()
	if env == nil {
		return nil
	}
	return h.Masker().ChildEnviron(env, h.Settings.PassEnv...)
}

// environ is the whole environment.
func (h *Home) environ() []string {
	if h.Environ == nil {
		return nil
	}
	return h.Environ()
}
