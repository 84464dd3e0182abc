package access_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
)

// FuzzScope holds that a scope covers a DAG only when an entry names it, and that its entries give the same scope again.
func FuzzScope(f *testing.F) {
	f.Add("tag:a\ndag:b", "b", "x", "ann")
	f.Add("*", "b", "x", "ann")
	f.Add("owner:*\ntag:", "b", "*", "*")
	f.Fuzz(func(t *testing.T, lines, id, tag, owner string) {
		entries := strings.Split(lines, "\n")
		s, err := access.ParseScope(entries...)
		if err != nil {
			require.ErrorContains(t, err, "names no DAGs")
			require.False(t, s.Covers(access.DAG{ID: id, Tags: []string{tag}, Owners: []string{owner}}), "what is wrong has no DAG")
			return
		}
		named := false
		for _, e := range entries {
			if e == "*" {
				named = true
				break // it is all, whatever follows
			}
			named = named || e == "dag:"+id || e == "tag:"+tag || e == "owner:"+owner
		}
		assert.Equal(t, named, s.Covers(access.DAG{ID: id, Tags: []string{tag}, Owners: []string{owner}}))
		again, err := access.ParseScope(s.Entries()...)
		require.NoError(t, err)
		assert.Equal(t, s, again)
	})
}
