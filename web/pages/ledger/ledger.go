// Package ledger has the pages of what people are told and asked: alerts with what became of them, times of silence, and
// questions of tasks.
package ledger

import (
	"context"
	"slices"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/page"
)

// Options are what the pages stand on. Both are for whoever asks, who is in the context.
type Options struct {
	Overview func(ctx context.Context) *overview.Overview
	Asks     func(ctx context.Context) *asks.Asks
}

// Ledger has the pages. Make one with [New].
type Ledger struct{ o Options }

// New returns the pages.
func New(o Options) *Ledger { return &Ledger{o} }

// Pages are their paths.
func (l *Ledger) Pages() page.Family {
	return page.Family{
		Shows: map[string]page.Handler{
			"/alerts":            l.showAlerts,
			"/alerts/{alert_id}": l.showAlert,
			"/snoozes":           l.showSnoozes,
			"/asks":              l.showAsks,
			"/asks/{ask_id}":     l.showAsk,
		},
		Acts: map[string]page.Handler{
			"/alerts/ack":                 operating(l.ackAlerts),
			"/alerts/{alert_id}/decision": operating(l.decide),
			"/snoozes":                    operating(l.snooze),
			"/snoozes/{silence_id}/end":   operating(l.endSnooze),
			"/asks/{ask_id}":              l.answer,
		},
	}
}

// operating refuses whoever may change nothing of any DAG, before anything is told of what a form names.
func operating(h page.Handler) page.Handler {
	return func(r page.Request) error {
		if who, ok := access.From(r.HTTP().Context()); !ok || who.Role < access.Operate.Role() {
			return page.Forbidden()
		}
		return h(r)
	}
}

// perPage is how many items a page of a list has.
const perPage = 50

// ask is what whoever asks can ask and change.
func (l *Ledger) ask(r page.Request) *api.API { return l.o.Overview(r.HTTP().Context()).API() }

// sees and operates are the DAGs that he may look at, and those of which he may change something.
func (l *Ledger) sees(r page.Request) (*overview.ScopedDAGs, error) {
	return l.o.Overview(r.HTTP().Context()).Scoped(r.Who().Sees)
}

func (l *Ledger) operates(r page.Request) (*overview.ScopedDAGs, error) {
	return l.o.Overview(r.HTTP().Context()).Scoped(r.Who().Operates)
}

// must refuses what concerns a DAG that is in none of the scopes; without a DAG it takes all DAGs.
func must(r page.Request, dagID string, scopes ...func(page.Request) (*overview.ScopedDAGs, error)) error {
	for _, scope := range scopes {
		s, err := scope(r)
		if err != nil {
			return err
		}
		has, err := s.Has(r.HTTP().Context(), dagID)
		if err != nil {
			return err
		}
		if !has {
			return page.Forbidden()
		}
	}
	return nil
}

// named refuses a DAG that somebody names and that is not there, or is not for him.
func (l *Ledger) named(r page.Request, dagID string, scopes ...func(page.Request) (*overview.ScopedDAGs, error)) error {
	if err := must(r, dagID, scopes...); err != nil || dagID == "" {
		return err
	}
	_, err := l.o.Overview(r.HTTP().Context()).Head(r.HTTP().Context(), dagID)
	return err
}

// names are the values of words that a form offers.
func names[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, w := range all {
		out[i] = string(w)
	}
	return out
}

// oneOf is the word that a query has, which is one of some or empty.
func oneOf[T ~string](text string, all []T) ([]T, error) {
	switch {
	case text == "":
		return nil, nil
	case !slices.Contains(all, T(text)):
		return nil, page.Wrong("error.word")
	default:
		return []T{T(text)}, nil
	}
}
