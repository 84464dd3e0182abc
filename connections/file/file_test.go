package file_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/connections/file"
)

func TestFormatOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]file.Format{
		"a/b.env": file.Env, ".env": file.Env, "x.JSON": file.JSON, "x.Yaml": file.YAML, "x.yml": file.YAML,
	} {
		got, err := file.FormatOf(path)
		require.NoError(t, err, path)
		assert.Equal(t, want, got, path)
	}
	for _, path := range []string{"x.ini", "x", "env", "x.json.bak"} {
		_, err := file.FormatOf(path)
		require.ErrorContains(t, err, "unsupported file format", path)
		require.ErrorContains(t, err, path)
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	source := file.Source{
		Connections: write("connections.YML", "a: t://h\nb: u://h\n"),
		Variables:   write("variables.json", `{"k": "v"}`),
	}

	c, err := source.Connection(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, "u", c.Type)
	text, err := source.Variable(t.Context(), "k")
	require.NoError(t, err)
	assert.Equal(t, "v", text)

	_, err = source.Connection(t.Context(), "B")
	require.ErrorIs(t, err, connections.ErrNotFound)
	_, err = source.Variable(t.Context(), "x")
	require.ErrorIs(t, err, connections.ErrNotFound)

	write("connections.YML", "B: v://h\n")
	c, err = source.Connection(t.Context(), "B")
	require.NoError(t, err, "an edit counts at once")
	assert.Equal(t, "v", c.Type)
}

func TestSourceWithoutFiles(t *testing.T) {
	t.Parallel()
	_, err := file.Source{}.Connection(t.Context(), "a")
	require.ErrorIs(t, err, connections.ErrNotFound)
	_, err = file.Source{}.Variable(t.Context(), "a")
	require.ErrorIs(t, err, connections.ErrNotFound)
}

func TestSourceErrors(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing.json")
	malformed := filepath.Join(t.TempDir(), "malformed.env")
	require.NoError(t, os.WriteFile(malformed, []byte("a=t://h\nb"), 0o600))
	for path, want := range map[string]string{
		missing:   "no such file",
		malformed: malformed + ":2: ",
		"a.ini":   `unsupported file format ".ini"`,
	} {
		_, err := file.Source{Connections: path}.Connection(t.Context(), "a")
		require.ErrorContains(t, err, want)
		require.NotErrorIs(t, err, connections.ErrNotFound)
		_, err = file.Source{Variables: path}.Variable(t.Context(), "a")
		require.ErrorContains(t, err, want)
		require.NotErrorIs(t, err, connections.ErrNotFound)
	}
}
