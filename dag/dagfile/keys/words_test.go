package keys

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryKeyIsDescribed(t *testing.T) {
	t.Parallel()
	for _, list := range [][]Description{OfDAGs(), OfGroups(), OfTasks(), OfSensors()} {
		require.NotEmpty(t, list)
		for _, k := range list {
			assert.True(t, strings.HasSuffix(k.Doc, "."), k.Name)
		}
	}
}

func TestDefaultsOfKeysAreWhatDecodingGives(t *testing.T) {
	t.Parallel()
	byName := map[string]any{}
	for _, k := range OfTasks() {
		byName[k.Name] = k.Default
	}
	assert.Equal(t, "5m0s", byName["retry_delay"])
	assert.Equal(t, "all_success", byName["trigger_rule"])
	assert.Equal(t, true, byName["do_xcom_push"])
	assert.Nil(t, byName["execution_timeout"])
}
