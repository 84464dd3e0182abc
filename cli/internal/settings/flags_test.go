package settings_test

import (
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// The environment goes before the default, and a flag before the environment; a mistake names
// where it stands.
func TestFlagsGoFirst(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	env := map[string]string{"DINGDAG_WORKERS": "3", "DINGDAG_LOG_LEVEL": "warn"}
	o := show.IO{LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	load := func(args ...string) (*settings.Config, error) {
		cmd := &cobra.Command{Use: "dingdag", Run: func(*cobra.Command, []string) {}}
		settings.AddFlags(cmd)
		cmd.SetArgs(append(args, "--home", home))
		require.NoError(t, cmd.Execute())
		flags := map[string]string{}
		settings.ReadFlags(cmd, flags)
		return settings.Load(o, flags)
	}
	c, err := load("--log-level", "debug", "--dags-folder", "/etc/dags")
	require.NoError(t, err)
	assert.Equal(t, home, c.Home)
	assert.Equal(t, 3, c.Workers)
	assert.Equal(t, "debug", c.LogLevel)
	assert.Equal(t, "/etc/dags", c.DAGsFolder)
	assert.Equal(t, "auto", c.LogFormat)
	env["DINGDAG_WORKERS"] = "0"
	_, err = load("--log-format", "xml")
	require.EqualError(t, err, "DINGDAG_WORKERS: \"0\": must be a whole number above 0\n--log-format: \"xml\": must be one of auto, text, json")
}
