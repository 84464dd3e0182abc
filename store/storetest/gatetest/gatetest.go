// Package gatetest is the part of the suite of stores about the gates of robots.
//
//nolint:thelper // tests, not helpers: failures belong to their lines
package gatetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

var midnight = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

func write(t *testing.T, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }))
}

// StoredWhole checks that gates come back as they were put, also for another process on the same database.
func StoredWhole(t *testing.T, s, other store.Store) {
	g, err := s.Gate(t.Context(), "ops")
	require.NoError(t, err)
	assert.Equal(t, &store.Gate{Robot: "ops"}, g, "one that nobody has entered")
	all, err := s.KnownGates(t.Context())
	require.NoError(t, err)
	assert.Empty(t, all)

	g = &store.Gate{
		Robot: "ops", Name: "dingding_ü", ClosedAt: midnight, ClosedUntil: midnight.Add(time.Minute), Month: "2026-01", Sent: 7, Quota: 10, Warned: "2025-12",
		GoneAt: midnight.Add(3 * time.Second), Gone: "300005 it does not exist", EnteredAt: midnight.Add(2 * time.Second),
		Sends: []store.GateSend{
			{ID: "a", At: midnight, Seen: midnight.Add(time.Millisecond), Rank: 4, DAGID: "d"},
			{ID: "b", At: midnight.Add(time.Second), Seen: midnight.Add(11 * time.Second), Rank: 1},
		},
	}
	first := &store.Gate{Robot: "z", Name: "a", Month: "2026-01"}
	put := func(gs ...*store.Gate) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			for _, g := range gs {
				if err := tx.PutGate(ctx, g); err != nil {
					return err
				}
			}
			return nil
		})
	}
	put(g, first)
	got, err := other.Gate(t.Context(), "ops")
	require.NoError(t, err)
	assert.Equal(t, g, got)
	all, err = other.KnownGates(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.Gate{first, g}, all, "by name")

	g.Name, g.Sends, g.ClosedAt, g.ClosedUntil, g.Month, g.Sent = "n", nil, time.Time{}, time.Time{}, "2026-02", 0
	put(g)
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		got, err = tx.LockGate(ctx, "ops")
		return err
	})
	assert.Equal(t, g, got)
}

// Lines checks who stands before a gate, and in which order.
func Lines(t *testing.T, s store.Store) {
	at := func(seconds int) time.Time { return midnight.Add(time.Duration(seconds) * time.Second) }
	ticket := func(robot, key string, rank, since, look int) *store.GateTicket {
		k := &store.GateTicket{Robot: robot, Key: key, Rank: rank, DAGID: "d", Since: at(since), LookAt: at(look)}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutGateTicket(ctx, k) })
		return k
	}
	late, early := ticket("ops", "late", 1, 5, 20), ticket("ops", "early", 1, 4, 30)
	report, urgent, gone := ticket("ops", "report", 4, 0, 20), ticket("ops", "urgent", 0, 9, 20), ticket("ops", "gone", 1, 0, 9)
	ticket("other", "x", 0, 0, 20)
	line := func(rank, alive, limit int) []*store.GateTicket {
		ts, err := s.GateLine(t.Context(), "ops", rank, at(alive), limit)
		require.NoError(t, err)
		return ts
	}
	assert.Equal(t, []*store.GateTicket{urgent, early, late, report}, line(4, 10, 10), "by rank and time")
	assert.Equal(t, []*store.GateTicket{urgent, early, late}, line(1, 10, 10), "of a rank or a lower one")
	assert.Equal(t, []*store.GateTicket{urgent, gone}, line(4, 9, 2), "at most so many, and one who may still come")

	got, err := s.GateTicket(t.Context(), "ops", "late")
	require.NoError(t, err)
	assert.Equal(t, late, got)
	late = ticket("ops", "late", 2, 5, 40)
	got, err = s.GateTicket(t.Context(), "ops", "late")
	require.NoError(t, err)
	assert.Equal(t, late, got, "it looks again at another moment")
	got, err = s.GateTicket(t.Context(), "other", "late")
	require.NoError(t, err)
	assert.Nil(t, got)

	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DropGateTicket(ctx, "ops", "urgent") })
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DropGateTicket(ctx, "ops", "nobody") })
	assert.Equal(t, []*store.GateTicket{gone, early, late, report}, line(4, 0, 10))
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DropGateTickets(ctx, at(30)) })
	assert.Equal(t, []*store.GateTicket{early, late}, line(4, 0, 10), "those who did not come")
}
