package connections_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in, want string
	}{
		"nothing secret": {
			`{"conn_type":"http","host":"h","login":"me","schema":"https","port":80,"extra":{"timeout":10}}`,
			`{"conn_type":"http","host":"h","login":"me","schema":"https","port":80,"extra":{"timeout":10}}`,
		},
		"password": {`{"conn_type":"t","password":"ab"}`, `{"conn_type":"t","password":"***"}`},
		"sensitive names at any depth": {
			`{"conn_type":"t","extra":{"api_key":1,"keep":"me","deep":[{"Token":{"a":"b"}}],"secret":null}}`,
			`{"conn_type":"t","extra":{"api_key":"***","deep":"***","keep":"***","secret":null}}`,
		},
		"every name but the harmless ones": {
			`{"conn_type":"http","extra":{"X-Api-Key":"a","Cookie":"b","X-Auth":"c","accessKey":"d","pwd":"e","sign_key":"f","x":[1,2],"o":{"port":1},` +
				`"Content-Type":"text/plain","REGION_NAME":"cn","headers":{"Accept":"x","X-Key":"k"},"retries":3}}`,
			`{"conn_type":"http","extra":{"Content-Type":"text/plain","Cookie":"***","REGION_NAME":"cn","X-Api-Key":"***","X-Auth":"***","accessKey":"***",` +
				`"headers":{"Accept":"x","X-Key":"***"},"o":"***","pwd":"***","retries":3,"sign_key":"***","x":"***"}}`,
		},
		"yes and no": {
			`{"conn_type":"t","extra":{"a":true,"b":false,"c":null,"d":"","e":"True","f":0}}`,
			`{"conn_type":"t","extra":{"a":true,"b":false,"c":null,"d":"","e":"True","f":"***"}}`,
		},
		"password repeated elsewhere": {
			`{"conn_type":"t","description":"the word is hunter22","login":"hunter22","password":"hunter22","extra":{"note":"hunter22!"}}`,
			`{"conn_type":"t","description":"the word is ***","login":"***","password":"***","extra":{"note":"***!"}}`,
		},
		"token in the host": {
			`{"conn_type":"dingding","host":"https://h/robot/send?access_token=0123456789"}`,
			`{"conn_type":"dingding","host":"https://h/robot/send?access_token=***"}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := connections.ParseJSON("c", []byte(tt.in))
			require.NoError(t, err)
			before := string(c.JSON())

			got := connections.NewMasker().Redact(c)

			assert.Equal(t, "c", got.ID)
			assert.Equal(t, tt.want, string(got.JSON()))
			assert.Equal(t, before, string(c.JSON()), "the connection itself stays")
			assert.Equal(t, tt.in != tt.want, got.Redacted())
			assert.False(t, c.Redacted())
		})
	}
}

func TestRedactUnreadableExtra(t *testing.T) {
	t.Parallel()
	extra := connections.Secret(`{"secret": "SEC`)
	got := connections.NewMasker().Redact(&connections.Connection{ID: "c", Extra: &extra})
	assert.Equal(t, "***", got.GetExtra().Reveal())
	assert.True(t, got.Redacted())
}

func TestShowExtra(t *testing.T) {
	t.Parallel()
	m := connections.NewMasker()
	assert.True(t, m.HarmlessExtra("Content-Type"))
	assert.False(t, m.HarmlessExtra("cluster_name"))
	m.ShowExtra(" Cluster-Name ")
	assert.True(t, m.HarmlessExtra("cluster_name"))
	c := conn("t", extra(`{"CLUSTER_NAME": "cluster-one", "other": "other-one"}`))
	assert.JSONEq(t, `{"CLUSTER_NAME": "cluster-one", "other": "***"}`, m.Redact(c).GetExtra().Reveal())
	assert.Equal(t, "cluster-one ***", m.Mask("cluster-one other-one"))
}
