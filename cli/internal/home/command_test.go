package home_test

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// A command that people copy works on the same home folder, whatever its words hold.
func TestCommand(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "my home")
	h := home.New(show.IO{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, LookupEnv: func(string) (string, bool) { return "", false }}, time.Now)
	h.Flags["home"] = dir
	assert.Equal(t, "dingdag --home '"+dir+"' alerts list my_dag 'it'\\''s mine' --task 'a b'", h.Command("alerts", "list", "my_dag", "it's mine", "--task", "a b"))
}
