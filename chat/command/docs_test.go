package command_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/chat/command"
)

var update = flag.Bool("update", false, "write the table of docs/chat.md")

// The page has the table of the commands.
func TestPage(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../docs/chat.md", "written by go generate ./chat/command -->\n\n", "\n<!-- end of commands -->"
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	head, rest, begun := strings.Cut(string(text), begin)
	got, tail, ended := strings.Cut(rest, end)
	require.True(t, begun && ended, "the page has no place for the table")
	want := command.Markdown()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(head+begin+want+end+tail), 0o600))
		return
	}
	assert.Equal(t, want, got, "go generate ./chat/command writes it anew")
}
