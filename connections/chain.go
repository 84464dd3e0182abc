package connections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Prefixes of the environment variables that define connections and variables.
// Behind them stands the id in upper case, otherwise unchanged: "my-dash" is
// DINGDAG_CONN_MY-DASH. Dingdag's own prefix is looked up first.
const (
	EnvConn        = "DINGDAG_CONN_"
	EnvVar         = "DINGDAG_VAR_"
	AirflowEnvConn = "AIRFLOW_CONN_"
	AirflowEnvVar  = "AIRFLOW_VAR_"
)

// NotFound returns the error of a [Source] that does not know the id. It wraps
// [ErrNotFound] and says how to define the connection.
func NotFound(id string) error {
	name := strings.ToUpper(id)
	return fmt.Errorf("connection %q: %w; define it with `dingdag connections add %s …` or in the environment as %s or %s",
		id, ErrNotFound, id, EnvConn+name, AirflowEnvConn+name)
}

// VariableNotFound is [NotFound] for a [VariableSource].
func VariableNotFound(key string) error {
	name := strings.ToUpper(key)
	return fmt.Errorf("variable %q: %w; define it in the environment as %s or %s",
		key, ErrNotFound, EnvVar+name, AirflowEnvVar+name)
}

// Chain returns a source that asks the given ones in order. One that fails, other
// than by not knowing the id, is passed over: if a later one knows the id, the
// failure is logged as a warning, else it is returned as the real cause and the
// error does not wrap [ErrNotFound]. A nil log discards the warnings.
func Chain(log *slog.Logger, sources ...Source) Source {
	return connectionChain{orDiscard(log), sources}
}

// VariableChain is [Chain] for variables.
func VariableChain(log *slog.Logger, sources ...VariableSource) VariableSource {
	return variableChain{orDiscard(log), sources}
}

type connectionChain struct {
	log     *slog.Logger
	sources []Source
}

func (c connectionChain) Connection(ctx context.Context, id string) (*Connection, error) {
	conn, failures, err := first(ctx, c.sources, id, Source.Connection)
	switch {
	case err != nil:
		return nil, About("connection", id, err)
	case conn == nil:
		return nil, NotFound(id)
	case failures != nil:
		c.log.WarnContext(ctx, "connection found only after another source failed", "conn_id", id, "error", failures)
	}
	return *conn, nil
}

type variableChain struct {
	log     *slog.Logger
	sources []VariableSource
}

func (c variableChain) Variable(ctx context.Context, key string) (string, error) {
	text, failures, err := first(ctx, c.sources, key, VariableSource.Variable)
	switch {
	case err != nil:
		return "", About("variable", key, err)
	case text == nil:
		return "", VariableNotFound(key)
	case failures != nil:
		c.log.WarnContext(ctx, "variable found only after another source failed", "key", key, "error", failures)
	}
	return *text, nil
}

// first asks each source for name until one has it. The value is nil when none
// does; failures are those that a later source made up for.
func first[S, V any](ctx context.Context, sources []S, name string,
	get func(S, context.Context, string) (V, error),
) (value *V, failures, err error) {
	var causes []error
	for _, source := range sources {
		v, err := get(source, ctx, name)
		if err == nil {
			return &v, errors.Join(causes...), nil
		}
		if ctx.Err() != nil {
			return nil, nil, err
		}
		if !errors.Is(err, ErrNotFound) {
			causes = append(causes, err)
		}
	}
	return nil, nil, errors.Join(causes...)
}

func orDiscard(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}
