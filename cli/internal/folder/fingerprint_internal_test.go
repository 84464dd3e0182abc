package folder

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFingerprint(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dags")
	mark := func() folderMark {
		m, err := fingerprint(dir, func(string) {})
		require.NoError(t, err)
		again, err := fingerprint(dir, func(string) {})
		require.NoError(t, err)
		require.Equal(t, m, again)
		return m
	}
	last := mark()
	assert.NotEqual(t, none, last, "no folder is an empty one")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	write := func(name, text string, at time.Time) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
	}
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"a file", func() { write("a.yaml", "x", at) }},
		{"one below", func() { write("sub/b.yaml", "x", at) }},
		{"another time", func() { write("a.yaml", "x", at.Add(time.Nanosecond)) }},
		{"another size", func() { write("sub/b.yaml", "xy", at) }},
		{"another file", func() {
			write("new", "x", at.Add(time.Nanosecond))
			require.NoError(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "a.yaml")))
		}},
		{"another name", func() { require.NoError(t, os.Rename(filepath.Join(dir, "a.yaml"), filepath.Join(dir, "c.yaml"))) }},
		{"another folder", func() {
			require.NoError(t, os.Rename(filepath.Join(dir, "c.yaml"), filepath.Join(dir, "sub", "c.yaml")))
		}},
		{"a file less", func() { require.NoError(t, os.Remove(filepath.Join(dir, "sub", "b.yaml"))) }},
	} {
		step.do()
		now := mark()
		assert.NotEqual(t, last, now, step.what)
		last = now
	}
	write("sub/b.yaml", "xy", at)
	assert.NotEqual(t, last, mark())
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o700))
	dir = filepath.Join(dir, "sub", "b.yaml")
	assert.Equal(t, 1, mark().files, "a file alone")
	dir += "/x"
	_, err := fingerprint(dir, func(string) {})
	assert.Error(t, err)
}
