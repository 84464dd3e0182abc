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
			`{"conn_type":"t","extra":{"api_key":"***","deep":[{"Token":"***"}],"keep":"me","secret":null}}`,
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
