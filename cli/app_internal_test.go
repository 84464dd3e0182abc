package cli

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// newApp is what a command without an environment uses, on a home folder of its own.
func newApp(t *testing.T, out, errs io.Writer) *app.App {
	t.Helper()
	a := app.New(show.IO{Out: out, Err: errs, LookupEnv: func(string) (string, bool) { return "", false }}, clock, parts(Extensions{}))
	a.Flags["home"] = t.TempDir()
	t.Cleanup(func() { assert.NoError(t, a.Close()) })
	return a
}
