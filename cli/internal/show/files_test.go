package show_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
)

// far is a writer that knows what is at its other end.
type far struct {
	bytes.Buffer
	is show.Console
}

// Console implements [show.Consoler].
func (f *far) Console() show.Console { return f.is }

func TestConsoleOf(t *testing.T) {
	t.Parallel()
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer file.Close()
	there := &far{is: show.Console{Terminal: true, Width: 70}}
	masked := show.Mask(there, connections.NewMasker())
	for name, c := range map[string]struct {
		end  any
		want show.Console
	}{
		"nothing": {nil, show.Console{}}, "no file": {(*os.File)(nil), show.Console{}}, "a file": {file, show.Console{}},
		"a pipe": {&bytes.Buffer{}, show.Console{}}, "another machine": {there, there.is}, "below a mask": {masked, there.is},
	} {
		assert.Equal(t, c.want, show.ConsoleOf(c.end), name)
	}
	o := show.IO{In: there, Out: masked}
	assert.True(t, o.Terminal())
	assert.Equal(t, 70, o.Width())
	assert.Equal(t, "\x1b[32msuccess\x1b[0m", show.State(masked, "success"))
	there.is.Plain = true
	assert.Equal(t, "success", show.State(masked, "success"))
	assert.Equal(t, "^[[1A", show.Shown(masked, "\x1b[1A"))
}

func TestLocalFiles(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "export.json")
	disk := show.IO{}.Disk()
	_, err := disk.Read(t.Context(), name)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(name, []byte("a long text of before"), 0o644))
	require.NoError(t, disk.Write(t.Context(), name, []byte("new")))
	text, err := disk.Read(t.Context(), name)
	require.NoError(t, err)
	assert.Equal(t, "new", string(text))
	info, err := os.Stat(name)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "others cannot read it, whoever could before")
	require.NoError(t, os.WriteFile(name, bytes.Repeat([]byte("x"), show.MaxFile+1), 0o600))
	_, err = disk.Read(t.Context(), name)
	require.ErrorContains(t, err, "longer than 16 MiB")
}

func TestLocalEdit(t *testing.T) {
	t.Parallel()
	editor := ""
	o := show.IO{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, LookupEnv: func(name string) (string, bool) { return editor, name == "EDITOR" }}
	e, err := o.Disk().Edit(t.Context(), "connection.yaml", []byte("one\n"))
	require.NoError(t, err)
	assert.Equal(t, "connection.yaml", filepath.Base(e.Path()))
	editor = "sed -i s/one/two/"
	text, err := e.Open(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "two\n", string(text))
	path := e.Path()
	require.NoError(t, e.Discard(t.Context()))
	assert.NoDirExists(t, filepath.Dir(path))

	e, err = o.Disk().Edit(t.Context(), "connection.yaml", nil)
	require.NoError(t, err)
	path = e.Path()
	editor = "false"
	_, err = e.Open(t.Context())
	require.ErrorContains(t, err, `the editor "false"`)
	assert.FileExists(t, e.Path(), "it can go on")
	editor = "rm"
	_, err = e.Open(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Empty(t, e.Path())
	assert.NoDirExists(t, filepath.Dir(path))
}
