package connections_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/connections"
)

func TestSecretShowsNothing(t *testing.T) {
	t.Parallel()
	const s = connections.Secret("s3cr3t")
	assert.Equal(t, "s3cr3t", s.Reveal())
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q"} {
		assert.NotContains(t, fmt.Sprintf(verb, s), "s3cr3t", verb)
		c := connections.Connection{ID: "id", Password: secret("s3cr3t"), Extra: secret(`{"a":"s3cr3t"}`)}
		assert.NotContains(t, fmt.Sprintf(verb, c), "s3cr3t", verb)
	}
	text, err := json.Marshal(map[string]any{"value": s, "connection": conn("t", password("s3cr3t"))})
	require.NoError(t, err)
	assert.NotContains(t, string(text), "s3cr3t")
	assert.Contains(t, string(text), `"value":"***"`)
	text, err = yaml.Marshal(map[string]any{"value": s, "pointer": new(s)})
	require.NoError(t, err)
	assert.Equal(t, "pointer: '***'\nvalue: '***'\n", string(text))
}
