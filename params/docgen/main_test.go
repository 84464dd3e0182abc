package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/params"
)

const source = `package x

// Bash runs a command.
// It uses bash.
//
// More:
//
//	one
//	two
type Bash struct {
	// Command is the <text> that
	// bash runs.
	Command string ` + "`yaml:\"bash_command\" param:\"required\"`" + `
	// What happens else.
	Other string ` + "`yaml:\"other\"`" + `
	None string ` + "`yaml:\"none\"`" + `
	// Hidden is not a parameter.
	Hidden string
}

type (
	// Empty does nothing.
	Empty struct{}
	// nested are options.
	nested struct {
		// Timeouts are limits.
		Timeouts int ` + "`yaml:\"timeouts\"`" + `
	}
	helper struct{ a int }
	Kind   string
)
`

func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.go"), []byte(source), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x_test.go"), []byte("package x\n\n// T is T.\ntype T struct{}\n"), 0o600))
	require.NoError(t, run(dir))
	text, err := os.ReadFile(filepath.Join(dir, output))
	require.NoError(t, err)
	want := params.Comments{
		"Bash": {
			Text: "Runs a command. It uses bash.\n\nMore:\n\n\tone\n\ttwo",
			Fields: map[string]string{
				"bash_command": "The <text> that bash runs.", "other": "What happens else.", "none": "",
			},
		},
		"Empty":  {Text: "Does nothing.", Fields: map[string]string{}},
		"nested": {Text: "Options.", Fields: map[string]string{"timeouts": "Limits."}},
	}
	assert.Equal(t, want, params.ParseDocs(string(text))())
	assert.Contains(t, string(text), "<text>", "readable in a diff")
}

func TestRunNamesTheBrokenFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.go"), []byte("package"), 0o600))
	require.ErrorContains(t, run(dir), "bad.go")
}
