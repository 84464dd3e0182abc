package worker

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Lines that the file did not take are reported when the log ends; the copy still has them.
func TestTaskLogReportsLostLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "log")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	readOnly, err := os.Open(name) // every write fails
	require.NoError(t, err)
	var screen bytes.Buffer
	var reported []error
	l := &taskLog{
		out:    &logOutput{file: readOnly, copy: &screen, task: taskOf("dag_id=d/run_id=r/task_id=g.t/attempt=1.log")},
		report: func(err error) { reported = append(reported, err) },
	}
	h := &lineHandler{out: l.out, mask: func(s string) string { return s }, clock: time.Now}
	l.Logger = slog.New(h)
	l.line(slog.LevelInfo, "one")
	l.line(slog.LevelInfo, "two")
	l.close()
	assert.Len(t, reported, 1)
	assert.Regexp(t, `^g\.t \[.*\] INFO - one\ng\.t \[.*\] INFO - two\n$`, screen.String())
}

// A line is for people: JSON stands as it is, and only other texts with blanks or quotes are quoted.
func TestTaskLogValues(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"plain":                           ` v=plain`,
		"two words":                       ` v="two words"`,
		"":                                ` v=""`,
		`{"text":{"content":"一\n\"b\""}}`: ` v={"text":{"content":"一\n\"b\""}}`,
		`[1, 2]`:                          ` v=[1, 2]`,
		"{\"a\":\n1}":                     ` v="{\"a\":\n1}"`,
		`{"a": 1} level=ERROR`:            ` v="{\"a\": 1} level=ERROR"`,
	} {
		var b bytes.Buffer
		writeAttr(&b, "", slog.String("v", value))
		assert.Equal(t, want, b.String())
	}
}
