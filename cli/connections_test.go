package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExportWithSecretsIsPrivate(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	path := filepath.Join(t.TempDir(), "all.json")
	// The file was there before, longer and for everyone to read.
	require.NoError(t, os.WriteFile(path, make([]byte, 4096), 0o644))
	code, _, errs := run(t, "--home", home, "connections", "add", "api", "--conn-uri", "http://me:s3cret-word@h")
	require.Zero(t, code, errs)

	code, out, errs := run(t, "--home", home, "connections", "export", path, "--with-secrets")

	require.Zero(t, code, errs)
	assert.Empty(t, out)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.JSONEq(t, `{"api": {"conn_type": "http", "description": null, "login": "me", "password": "s3cret-word",
		"host": "h", "port": null, "schema": "", "extra": null}}`, string(text))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}

func TestExitCodesOfConnections(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		want int
	}{
		"nothing to list":     {[]string{"list"}, 0},
		"unknown id":          {[]string{"get", "a"}, 1},
		"unknown id to test":  {[]string{"test", "a"}, 1},
		"unknown id to go":    {[]string{"delete", "a"}, 1},
		"no such file":        {[]string{"import", "missing.json"}, 1},
		"unknown flag":        {[]string{"add", "a", "--conn-passwd", "x"}, 2},
		"no id":               {[]string{"get"}, 2},
		"not a connection":    {[]string{"add", "a", "--conn-uri", "x"}, 2},
		"unknown format":      {[]string{"export", "a.ini"}, 2},
		"unknown output":      {[]string{"get", "a", "-o", "xml"}, 2},
		"unknown subcommand":  {[]string{"ad"}, 2},
		"nothing but a group": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, _, errs := run(t, append([]string{"connections"}, tt.args...)...)
			assert.Equal(t, tt.want, code, errs)
		})
	}
}
