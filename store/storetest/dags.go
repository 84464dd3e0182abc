//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
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

func versionsAreStoredOnce(t *testing.T, open Open) {
	s := open(t, Node{})
	for _, src := range []string{"first\x00", "second"} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutVersion(ctx, "v", "d", []byte(src), time.Unix(1, 0))
		})
	}
	src, err := s.Version(t.Context(), "v")
	require.NoError(t, err)
	assert.Equal(t, "first\x00", string(src))
	_, err = s.Version(t.Context(), "w")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func dagsKeepPaused(t *testing.T, open Open) {
	s := open(t, Node{})
	put := func(d store.DAGState) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutDAG(ctx, &d) })
	}
	put(store.DAGState{ID: "b", File: "b.yaml", Version: "1", Active: true, Paused: true})
	put(store.DAGState{ID: "a", File: "a.yaml", Version: "1", Active: true, Assets: []string{"s3://a", "s3://b"}})
	put(store.DAGState{ID: "b", File: "moved.yaml", Version: "2", Active: false})
	got, err := s.DAGs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.DAGState{
		{ID: "a", File: "a.yaml", Version: "1", Active: true, Assets: []string{"s3://a", "s3://b"}},
		{ID: "b", File: "moved.yaml", Version: "2", Paused: true},
	}, got, "by id; loading the file again does not unpause")

	some, err := s.DAGs(t.Context(), "c", "b")
	require.NoError(t, err)
	assert.Equal(t, got[1:], some, "those that are named")

	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SetPaused(ctx, "a", true) })
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SetPaused(ctx, "b", false) })
	paused, err := s.PausedDAGs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, paused)
	d, err := s.DAG(t.Context(), "b")
	require.NoError(t, err)
	assert.False(t, d.Paused)

	_, err = s.DAG(t.Context(), "c")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, s.Tx(t.Context(), func(tx store.Tx) error { return tx.SetPaused(t.Context(), "c", true) }), store.ErrNotFound)
}

func pausesAreRemembered(t *testing.T, open Open) {
	s := open(t, Node{})
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return store.AddDAG(ctx, tx, &store.DAGState{ID: "d", Active: true}, midnight)
	})
	who := store.Actor{Name: "ü", Via: store.ViaCLI}
	for _, p := range []store.Pause{
		{At: midnight.Add(time.Minute), Paused: true, Cause: "too many failures"},
		{At: midnight.Add(2 * time.Minute), Paused: true, Actor: who},
		{At: midnight.Add(3 * time.Minute), Actor: who},
	} {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return store.SetPaused(ctx, tx, "d", p) })
	}
	got, err := s.Pauses(t.Context(), "d")
	require.NoError(t, err)
	assert.Equal(t, []*store.Pause{
		{At: midnight}, {At: midnight.Add(time.Minute), Paused: true, Cause: "too many failures"}, {At: midnight.Add(3 * time.Minute), Actor: who},
	}, got, "the second one changed nothing")
	events, err := s.Events(t.Context(), store.EventFilter{DAGIDs: []string{}})
	require.NoError(t, err)
	assert.Empty(t, events, "of no DAG")
	events, err = s.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	assert.Equal(t, []*store.Event{{ID: 1, At: midnight.Add(3 * time.Minute), Actor: who, Kind: store.EventUnpause, DAGID: "d", MapIndex: -1}}, events,
		"what the engine did is none")
	err = s.Tx(t.Context(), func(tx store.Tx) error {
		return store.SetPaused(t.Context(), tx, "x", store.Pause{Paused: true, At: midnight})
	})
	require.ErrorIs(t, err, store.ErrNotFound)
}

// What can't be loaded is open until its end is written; of one DAG it is found again.
func importErrorsAreKept(t *testing.T, open Open) {
	s := open(t, Node{})
	all := []*store.ImportError{
		{File: "a.yaml", Since: midnight, Text: "one\ntwo"},
		{File: "a.yaml", DAGID: "a", Since: midnight, Text: "one"},
		{File: "b.yaml", DAGID: "b", Since: midnight.Add(time.Hour), Text: "three"},
	}
	put := func(e *store.ImportError) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutImportError(ctx, e) })
	}
	for _, e := range all {
		put(e)
	}
	all[1].Until, all[1].Text = midnight.Add(2*time.Hour), "another"
	put(all[1])
	again := &store.ImportError{File: "a.yaml", DAGID: "a", Since: midnight.Add(3 * time.Hour), Text: "again"}
	put(again)
	got, err := s.OpenImportErrors(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.ImportError{all[0], all[2], again}, got)
	got, err = s.ImportErrors(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, []*store.ImportError{all[1], again}, got)
	got, err = s.ImportErrors(t.Context(), "")
	require.NoError(t, err)
	assert.Empty(t, got, "files are no DAG")
}

// putFiles keeps a version with files, and reports whether it was asked for the contents.
func putFiles(t *testing.T, s store.Store, version, dagID string, contents ...string) (asked bool) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) error {
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

func templateFilesAreStoredOnce(t *testing.T, open Open) {
	s := open(t, Node{})
	large := strings.Repeat("x", 1<<20)
	assert.True(t, putFiles(t, s, "v", "d", "a\x00\xff", "", "a\x00\xff", large))
	assert.False(t, putFiles(t, s, "v", "d", "never"), "the version has its files")
	assert.True(t, putFiles(t, s, "w", "d", "", "b"))
	assert.Equal(t, []string{"a\x00\xff", "", large, "b"}, contents(t, s, "a\x00\xff", "", large, "b", "never"))
	_, err := s.TemplateFile(t.Context(), "nothing")
	require.EqualError(t, err, "template file with the SHA-256 nothing: "+store.ErrNotFound.Error())
}

func templateFilesGoWithVersions(t *testing.T, open Open) {
	s := open(t, Node{})
	all := []string{"one", "two", "other"}
	putFiles(t, s, "v1", "d", "one", "two")
	putFiles(t, s, "v2", "d", "two")
	putFiles(t, s, "v3", "e", "two", "other")
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.RemoveVersions(ctx, []string{"v1"}) })
	assert.Equal(t, []string{"two", "other"}, contents(t, s, all...))
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.RemoveDAG(ctx, "e") })
	assert.Equal(t, []string{"two"}, contents(t, s, all...), "those of other DAGs stay")
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.RemoveVersions(ctx, []string{"v2"}) })
	assert.Empty(t, contents(t, s, all...))
	assert.True(t, putFiles(t, s, "v1", "d", "one"), "nothing is left of the version")
}
