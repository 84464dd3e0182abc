// Package nodes is which processes work on a store, and which did.
package nodes

import (
	"context"
	"slices"
	"time"

	"github.com/dingdag/dingdag/store"
)

// State is how a node is.
type State string

// The states.
const (
	// Running nodes renew their lease.
	Running State = "running"
	// Stopped ones have ended in order.
	Stopped State = "stopped"
	// Lost ones have ended without a word, or their machine slept.
	Lost State = "lost"
)

// States are all of them.
func States() []string { return []string{string(Running), string(Stopped), string(Lost)} }

// The roles of nodes. Today each node has both.
const (
	Scheduler = "scheduler"
	Worker    = "worker"
)

// Node is a process in a stretch of time in which it worked.
type Node struct {
	ID    int64
	State State
	// Roles are what it does.
	Roles []string
	// Process says which one it is; its fields are empty where it was one of an older version.
	store.Process

	// StartedAt is when it began, SeenAt when it last said that it works, which it does once a minute, or stopped.
	StartedAt, SeenAt time.Time
	// LeasedUntil is when the lease of a running one ends unless it is renewed; zero for all others.
	LeasedUntil time.Time
}

// Store is where nodes are known.
type Store interface {
	SchedulerLives(ctx context.Context, since time.Time) ([]*store.SchedulerLife, error)
	LeasedUntil(ctx context.Context) (time.Time, error)
}

// List returns the nodes that worked at or after a moment, the newest first. Running is the newest one while its lease has not ended.
func List(ctx context.Context, s Store, since, now time.Time) ([]Node, error) {
	lives, err := s.SchedulerLives(ctx, since)
	if err != nil {
		return nil, err
	}
	until, err := s.LeasedUntil(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Node, len(lives))
	for i, l := range lives {
		n := Node{ID: l.ID, State: Lost, Roles: []string{Scheduler, Worker}, Process: l.By, StartedAt: l.StartedAt, SeenAt: l.SeenAt}
		switch {
		case l.Stopped:
			n.State = Stopped
		case i == len(lives)-1 && !until.Before(now):
			n.State, n.LeasedUntil = Running, until
		}
		out[i] = n
	}
	slices.Reverse(out)
	return out, nil
}
