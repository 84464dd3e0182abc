package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
)

// That a lease was renewed is told to nobody: all processes would look for what has changed each second, and pages be drawn anew.
// What changes who leads is, and so is everything else.
func TestRenewalsAreNotTold(t *testing.T) {
	t.Parallel()
	u := database(t)
	s, c := open(t, u, postgres.Options{Node: "a", PollOnly: true}), connect(t, u)
	_, err := c.Exec(t.Context(), "LISTEN "+pgx.Identifier{s.Channel()}.Sanitize())
	require.NoError(t, err)
	node := &store.Node{State: store.NodeWorking, StartedAt: time.Now()}
	renew := func(o store.Renewal) *store.Renewed {
		t.Helper()
		r, err := s.Renew(t.Context(), node, o)
		require.NoError(t, err)
		return r
	}
	// told reports whether anybody was told of what do does.
	told := func(do func()) bool {
		t.Helper()
		do()
		_, err := c.Exec(t.Context(), "SELECT pg_notify($1, 'end')", s.Channel())
		require.NoError(t, err)
		for heard := false; ; heard = true {
			n, err := c.WaitForNotification(t.Context())
			require.NoError(t, err)
			if n.Payload == "end" {
				return heard
			}
		}
	}
	var epoch int64
	assert.False(t, told(func() { renew(store.Renewal{Lease: time.Minute}) }))
	assert.True(t, told(func() { epoch = renew(store.Renewal{Lease: time.Minute, Lead: true}).Epoch }), "it leads")
	require.NotZero(t, epoch)
	assert.False(t, told(func() { renew(store.Renewal{Lease: time.Minute, Lead: true, Epoch: epoch}) }))
	assert.True(t, told(func() {
		require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return tx.PutPool(t.Context(), &store.Pool{Name: "p", Slots: 1}) }))
	}))
	assert.True(t, told(func() { renew(store.Renewal{Lease: time.Minute, Epoch: epoch}) }), "it leads no more")
	assert.True(t, told(func() { renew(store.Renewal{}) }), "it ends")
}
