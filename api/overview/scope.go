package overview

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
)

// ScopedDAGs tells which DAGs are in a scope, for lists of what belongs to many. It remembers what it has found out, and is not for
// several at once.
type ScopedDAGs struct {
	o     *Overview
	scope Scope
	known map[string]bool
}

// Scoped reads which DAGs are in a scope.
func (o *Overview) Scoped(scope Scope) (*ScopedDAGs, error) {
	s := &ScopedDAGs{o: o, scope: scope, known: map[string]bool{}}
	if scope == nil {
		return s, nil
	}
	all, _, err := o.o.Folder.DAGs()
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		h := headOf(d)
		s.known[d.ID] = scope.has(&h)
	}
	return s, nil
}

// All reports whether there is no limit.
func (s *ScopedDAGs) All() bool { return s.scope == nil }

// Has reports whether a DAG is in the scope. What belongs to no DAG, whose id is empty, is in the one of all.
func (s *ScopedDAGs) Has(ctx context.Context, dagID string) (bool, error) {
	if s.scope == nil {
		return true, nil
	}
	if dagID == "" {
		return false, nil
	}
	has, ok := s.known[dagID]
	if ok {
		return has, nil
	}
	h, err := s.o.Head(ctx, dagID) // one that no file has any more
	switch {
	case errors.Is(err, api.ErrNotFound):
	case err != nil:
		return false, err
	default:
		has = s.scope.has(h)
	}
	s.known[dagID] = has
	return has, nil
}

// only is a scope as the limit that it is to the DAGs that the store knows.
func (o *Overview) only(ctx context.Context, scope Scope) (access.Only, error) {
	if scope == nil {
		return access.Only{}, nil
	}
	return access.OnlyOf(ctx, func(ctx context.Context) ([]string, error) {
		sees, err := o.Scoped(scope)
		if err != nil {
			return nil, err
		}
		known, err := o.o.Store.DAGs(ctx)
		if err != nil {
			return nil, err
		}
		ids := []string{}
		for _, d := range known {
			switch has, err := sees.Has(ctx, d.ID); {
			case err != nil:
				return nil, err
			case has:
				ids = append(ids, d.ID)
			}
		}
		return ids, nil
	})
}
