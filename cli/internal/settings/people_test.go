package settings_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// People are a list, or stand between commas.
func TestPeople(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	load := func(text string) (*settings.Config, error) {
		require.NoError(t, os.WriteFile(filepath.Join(home, "dingdag.yaml"), []byte(text), 0o600))
		return settings.Load(show.IO{LookupEnv: func(string) (string, bool) { return "", false }}, map[string]string{settings.HomeKey: home})
	}
	for text, want := range map[string][]string{
		"chat_viewers: [ann, 'dept:42', \"role:night shift\", 007]": {"ann", "dept:42", "role:night shift", "007"},
		"chat_viewers: ann, dept:42,":                               {"ann", "dept:42"},
		"chat_viewers:":                                             nil,
		"workers: 3":                                                nil,
	} {
		c, err := load(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, c.ChatViewers.All, text)
	}
	for text, want := range map[string]string{
		"chat_admins: {a: b}": "must be a list of people", "chat_admins: [a, [b]]": "line 1: an entry must be a userid", "chat_admins: [a, '']": "an entry must be",
	} {
		_, err := load(text)
		require.ErrorContains(t, err, want, text)
		require.ErrorContains(t, err, "dingdag.yaml:1:14: chat_admins", text)
	}
}
