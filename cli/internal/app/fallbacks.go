package app

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/connections"
)

// MuteError says that a connection among fallbacks can tell nobody: an app without people, or a mail server
// without addresses.
type MuteError struct{ err error }

func (e *MuteError) Error() string { return e.err.Error() }

func (e *MuteError) Unwrap() error { return e.err }

// Fallbacks are the connections through which an alert is told that a connection can't deliver, in the order in
// which they are tried, and what is wrong with them. Of the problems those are [connections.ErrNotFound] that
// name a connection which does not exist, and a [*MuteError] one that can tell nobody; the others name a loop,
// or an extra that can't be read.
func (a *App) Fallbacks(ctx context.Context, src connections.Source, id string) (chain []string, problems []error) {
	chain, problems = connections.FallbackChain(ctx, src, id)
	if len(chain) == 0 {
		return chain, problems
	}
	known, err := a.Notifiers()
	if err != nil {
		return chain, append(problems, err)
	}
	for _, member := range chain {
		c, err := src.Connection(ctx, member)
		if err != nil {
			continue // it is among the problems
		}
		extra, err := c.ExtraMap()
		if err != nil {
			continue
		}
		ev := &callbacks.Event{Kind: callbacks.Failure, MapIndex: -1}
		if _, err := known.StandIn(callbacks.Conn{ID: member, Type: c.Type, Login: c.GetLogin(), Extra: extra}, ev); err != nil {
			problems = append(problems, &MuteError{fmt.Errorf("fallback %s -> %s can tell nobody: %w", id, member, err)})
		}
	}
	return chain, problems
}
