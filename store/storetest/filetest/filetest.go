// Package filetest tests the template files that a store keeps for versions of DAGs.
package filetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

func write(t *testing.T, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	require.NoError(t, s.Tx(t.Context(), fn))
}

// putFiles keeps a version with files, and reports whether it was asked for the contents.
func putFiles(t *testing.T, s store.Store, version, dagID string, contents ...string) (asked bool) {
	t.Helper()
	write(t, s, func(tx store.Tx) error {
		ctx := t.Context()
		return errors.Join(tx.PutVersion(ctx, version, dagID, []byte(version), time.Unix(1, 0)), tx.PutTemplateFiles(ctx, version, func(yield func(string, string) bool) {
			asked = true
			for _, c := range contents {
				if !yield(hashOf(c), c) {
					return
				}
			}
		}))
	})
	return asked
}

func hashOf(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

// contents are those of the template files that are there.
func contents(t *testing.T, s store.Store, of ...string) (there []string) {
	t.Helper()
	for _, c := range of {
		got, err := s.TemplateFile(t.Context(), hashOf(c))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c, got)
		there = append(there, c)
	}
	return there
}

// AreStoredOnce checks that contents are kept once, with the first that is said of a version.
func AreStoredOnce(t *testing.T, s store.Store) {
	t.Helper()
	large := strings.Repeat("x", 1<<20)
	assert.True(t, putFiles(t, s, "v", "d", "a\x00\xff", "", "a\x00\xff", large))
	assert.False(t, putFiles(t, s, "v", "d", "never"), "the version has its files")
	assert.True(t, putFiles(t, s, "w", "d", "", "b"))
	assert.Equal(t, []string{"a\x00\xff", "", large, "b"}, contents(t, s, "a\x00\xff", "", large, "b", "never"))
	_, err := s.TemplateFile(t.Context(), "nothing")
	require.EqualError(t, err, "template file with the SHA-256 nothing: "+store.ErrNotFound.Error())
}

// GoWithVersions checks that contents stay as long as a version has them.
func GoWithVersions(t *testing.T, s store.Store) {
	t.Helper()
	all := []string{"one", "two", "other"}
	putFiles(t, s, "v1", "d", "one", "two")
	putFiles(t, s, "v2", "d", "two")
	putFiles(t, s, "v3", "e", "two", "other")
	write(t, s, func(tx store.Tx) error { return tx.RemoveVersions(t.Context(), []string{"v1"}) })
	assert.Equal(t, []string{"two", "other"}, contents(t, s, all...))
	write(t, s, func(tx store.Tx) error { return tx.RemoveDAG(t.Context(), "e") })
	assert.Equal(t, []string{"two"}, contents(t, s, all...), "those of other DAGs stay")
	write(t, s, func(tx store.Tx) error { return tx.RemoveVersions(t.Context(), []string{"v2"}) })
	assert.Empty(t, contents(t, s, all...))
	assert.True(t, putFiles(t, s, "v1", "d", "one"), "nothing is left of the version")
}
