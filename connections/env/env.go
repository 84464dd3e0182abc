// Package env looks up connections and variables in the environment: first under
// Dingdag's own names (DINGDAG_CONN_…, DINGDAG_VAR_…), then under Airflow's
// (AIRFLOW_CONN_…, AIRFLOW_VAR_…).
package env

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/dingdag/dingdag/connections"
)

// Source reads the environment at each lookup. It is safe for concurrent use
// when its lookup function is.
type Source struct {
	lookup func(name string) (string, bool)
}

var (
	_ connections.Source         = (*Source)(nil)
	_ connections.VariableSource = (*Source)(nil)
)

// New returns a source over lookup, [os.LookupEnv] when it is nil.
func New(lookup func(name string) (string, bool)) *Source {
	if lookup == nil {
		lookup = os.LookupEnv
	}
	return &Source{lookup}
}

// Connection reads the prefix followed by the id in upper case, so ids that
// differ only in case are one here. The value is a JSON object or a URI (see
// [connections.ParseValue]); an empty or blank one counts as absent. The error
// about a malformed value names the environment variable and shows no value.
func (s *Source) Connection(_ context.Context, id string) (*connections.Connection, error) {
	name, text, ok := s.find(id, connections.EnvConn, connections.AirflowEnvConn)
	if !ok {
		return nil, connections.NotFound(id)
	}
	c, err := connections.ParseValue(id, text)
	if err != nil {
		return nil, fmt.Errorf("environment variable %s: %w", name, err)
	}
	return c, nil
}

// Variable reads the prefix followed by the key in upper case. The text is
// returned untouched; an empty or blank one counts as absent.
func (s *Source) Variable(_ context.Context, key string) (string, error) {
	_, text, ok := s.find(key, connections.EnvVar, connections.AirflowEnvVar)
	if !ok {
		return "", connections.VariableNotFound(key)
	}
	return text, nil
}

// ConnectionName is the name of the environment variable that defines a connection, VariableName of the one that defines
// a variable; "" for none.
func (s *Source) ConnectionName(id string) string {
	return s.name(id, connections.EnvConn, connections.AirflowEnvConn)
}

// VariableName is like [Source.ConnectionName].
func (s *Source) VariableName(key string) string {
	return s.name(key, connections.EnvVar, connections.AirflowEnvVar)
}

func (s *Source) name(id string, prefixes ...string) string {
	name, _, ok := s.find(id, prefixes...)
	if !ok {
		return ""
	}
	return name
}

func (s *Source) find(id string, prefixes ...string) (name, text string, ok bool) {
	for _, prefix := range prefixes {
		name = prefix + strings.ToUpper(id)
		if text, ok := s.lookup(name); ok && strings.TrimSpace(text) != "" {
			return name, text, true
		}
	}
	return "", "", false
}
