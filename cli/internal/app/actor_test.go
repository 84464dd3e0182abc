package app_test

import (
	"os/user"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
)

func TestActor(t *testing.T) {
	t.Parallel()
	u, err := user.Current()
	require.NoError(t, err)
	env := map[string]string{}
	a := app.New(show.IO{LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}, time.Now, app.Parts{})
	assert.Equal(t, store.Actor{Name: u.Username, Via: store.ViaCLI}, a.Actor())
	env["SUDO_USER"] = "ann"
	assert.Equal(t, store.Actor{Name: "ann", Via: store.ViaCLI}, a.Actor(), "who called sudo asks, not root")
}
