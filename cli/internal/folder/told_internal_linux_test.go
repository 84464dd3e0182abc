package folder

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// localFolder is an empty folder of whose changes the kernel tells: that for temporary files may
// lie on another file system, shared memory does not.
func localFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if tellsAll(dir) {
		return dir
	}
	dir, err := os.MkdirTemp("/dev/shm", "told") //nolint:usetesting // elsewhere on purpose
	if err != nil || !tellsAll(dir) {
		t.Fatal("neither the folder for temporary files nor /dev/shm is on a file system of whose changes the kernel tells: set TMPDIR to one that is")
	}
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// Whatever changes a fingerprint ends the quiet, and so do changes of folders.
func TestToldOfChanges(t *testing.T) {
	t.Parallel()
	top := localFolder(t)
	dir := filepath.Join(top, "dags")
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(path, text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	require.NoError(t, os.MkdirAll(filepath.Join(top, "now", "sub"), 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(top, "next", "sub"), 0o700))
	require.NoError(t, os.Symlink(filepath.Join(top, "now"), dir))
	write(filepath.Join(top, "beside"), "x")
	write(at("a.yaml"), "x")
	write(at("sub/b.yaml"), "x")
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"a new file", func() { write(at("new"), "") }},
		{"one below", func() { write(at("sub/new"), "") }},
		{"another text", func() { write(at("sub/b.yaml"), "y") }},
		{"another time", func() { require.NoError(t, os.Chtimes(at("a.yaml"), time.Unix(1, 0), time.Unix(1, 0))) }},
		{"another name", func() { require.NoError(t, os.Rename(at("new"), at("c.yaml"))) }},
		{"a file from elsewhere", func() { require.NoError(t, os.Rename(filepath.Join(top, "beside"), at("a.yaml"))) }},
		{"a file less", func() { require.NoError(t, os.Remove(at("sub/new"))) }},
		{"a new folder", func() { require.NoError(t, os.Mkdir(at("more"), 0o700)) }},
		{"a file in it", func() { write(at("more/d.yaml"), "x") }},
		{"another name of a folder", func() { require.NoError(t, os.Rename(at("more"), at("most"))) }},
		{"a folder less", func() { require.NoError(t, os.RemoveAll(at("sub"))) }},
		{"another folder", func() {
			require.NoError(t, os.Symlink(filepath.Join(top, "next"), filepath.Join(top, "link")))
			require.NoError(t, os.Rename(filepath.Join(top, "link"), dir))
		}},
	} {
		l := listen(dir)
		_, err := fingerprint(dir, l.enter)
		require.NoError(t, err)
		assert.True(t, l.quiet(), "before %s", step.what)
		step.do()
		assert.False(t, l.quiet(), "at once after %s", step.what)
		assert.False(t, l.quiet(), "after %s", step.what)
		l.close()
	}
}

func TestToldNothing(t *testing.T) {
	t.Parallel()
	var none *told
	assert.False(t, none.quiet())
	none.close()
	dir := localFolder(t)
	for name, l := range map[string]*told{
		"no folder": listen(filepath.Join(dir, "missing")),
		"others":    listen("/proc/self"),
		"many":      listen(dir),
	} {
		for range maxTold + 1 {
			l.enter(l.path)
		}
		assert.False(t, l.quiet(), name)
		l.close()
	}
}

// As long as the kernel tells nothing no file is looked at, but now and then.
func TestLooks(t *testing.T) {
	t.Parallel()
	dir := localFolder(t)
	w := &Watcher{home: home.New(show.IO{LookupEnv: func(string) (string, bool) { return "", false }}, time.Now)}
	w.home.Settings = &settings.Config{DAGsFolder: dir}
	var err error
	w.mark, err = fingerprint(dir, func(string) {})
	require.NoError(t, err)
	var before *told
	for i := range 9 {
		require.NoError(t, w.look(t.Context(), 3, nil))
		assert.Equal(t, i%3 == 0, w.told != before, i)
		before = w.told
	}
	w.stopListening()
}
