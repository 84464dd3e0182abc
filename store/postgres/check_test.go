package postgres_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcheck"
)

// What is wrong with a database is told with what to do, without a password, and nothing is changed.
func TestCheck(t *testing.T) {
	t.Parallel()
	base := database(t)
	full := database(t)
	require.NoError(t, open(t, full, postgres.Options{}).Close())
	c := connect(t, full)
	_, err := c.Exec(t.Context(), `INSERT INTO node_lease (node, expires) VALUES ('worker-7', 4000000000000);
		CREATE TABLE store_copy (name TEXT, after TEXT); INSERT INTO store_copy VALUES ('', '{"name": "/srv/dingdag.db"}')`)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		url     string
		ahead   time.Duration
		check   string
		status  sqlcheck.Status
		want    string
		healthy bool
	}{
		"no URL":               {"postgres://me:s3cret/x@host:1/db", 0, "connection", sqlcheck.Failed, "cannot be read", false},
		"nobody answers":       {"postgres://me:s3cret@127.0.0.1:1/db", 0, "connection", sqlcheck.Failed, "127.0.0.1:1", false},
		"a wrong password":     {refusing(t), 0, "connection", sqlcheck.Failed, "the user or the password", false},
		"another encoding":     {latin(t, base), 0, "encoding", sqlcheck.Failed, "LATIN1: create another", false},
		"no right to a schema": {role(t, base, ""), 0, "schema", sqlcheck.Failed, "GRANT USAGE", false},
		"no right to create":   {role(t, base, "USAGE"), 0, "rights", sqlcheck.Failed, "GRANT CREATE", false},
		"tables of another":    {role(t, full, "USAGE, CREATE"), 0, "rights", sqlcheck.Failed, "tables belong to ", false},
		"a copy for reading": {
			with(t, base, func(_ *url.URL, q url.Values) { q.Set("default_transaction_read_only", "on") }), 0, "writing", sqlcheck.Failed, "name the one that can be written", false,
		},
		"no tables":          {base, 0, "tables", sqlcheck.Warning, "there are none yet: dingdag db migrate", true},
		"its clock is ahead": {base, -time.Hour, "clock", sqlcheck.Failed, " ahead of that of this machine: leases", false},
		"it is a bit behind": {base, 30 * time.Second, "clock", sqlcheck.Warning, " behind that of this machine: leases", true},
		"an unfinished copy": {full, 0, "copy", sqlcheck.Failed, "unfinished copy of /srv/dingdag.db", false},
		"all is well":        {base, 0, "notify", sqlcheck.OK, "heard within ", true},
		"who works":          {full, 0, "processes", sqlcheck.OK, "1 at work: worker-7", false},
		"a commit":           {full, 0, "commit", sqlcheck.OK, "takes ", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := postgres.Check(t.Context(), tc.url, func() time.Time { return time.Now().Add(tc.ahead) })
			got := map[string]sqlcheck.Finding{}
			for _, f := range found {
				got[f.Check] = f
				assert.NotContains(t, f.Detail, "s3cret")
			}
			assert.Contains(t, got[tc.check].Detail, tc.want)
			if tc.check != "commit" { // a disk may be slow
				assert.Equal(t, tc.status, got[tc.check].Status, "%v", found)
			}
			assert.Equal(t, tc.healthy, !found.Failed(), "%v", found)
		})
	}
	empty := connect(t, base)
	t.Cleanup(func() {
		var n int
		assert.NoError(t, empty.QueryRow(context.WithoutCancel(t.Context()), "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()").Scan(&n))
		assert.Zero(t, n, "it made no tables")
	})
}
