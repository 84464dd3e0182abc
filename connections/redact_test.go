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
			`{"conn_type":"t","extra":{"api_key":"***","keep":"***","deep":"***","secret":null}}`,
		},
		"every name but the harmless ones": {
			`{"conn_type":"http","extra":{"X-Api-Key":"a","Cookie":"b","X-Auth":"c","accessKey":"d","pwd":"e","sign_key":"f","x":[1,2],"o":{"port":1},` +
				`"Content-Type":"text/plain","REGION_NAME":"cn","headers":{"Accept":"x","X-Key":"k"},"retries":3}}`,
			`{"conn_type":"http","extra":{"X-Api-Key":"***","Cookie":"***","X-Auth":"***","accessKey":"***","pwd":"***","sign_key":"***","x":"***","o":"***",` +
				`"Content-Type":"text/plain","REGION_NAME":"cn","headers":{"Accept":"x","X-Key":"***"},"retries":3}}`,
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

// What is shown of an extra keeps the way in which it is written.
func TestRedactKeepsTheText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{ "timeout" : 10,  "note": "a\u00e9" }`:                            `{ "timeout" : 10,  "note": "a\u00e9" }`,
		`{"z": {"b": [1, "}"]} , "headers": {"tok\u0065n":"x"}, "port": 1}`: `{"z": "***" , "headers": {"tok\u0065n":"***"}, "port": 1}`,
		`{"pwd":"","x":false,"y":null , "k":-1e5}`:                          `{"pwd":"","x":false,"y":null , "k":"***"}`,
	} {
		got := connections.NewMasker().Redact(conn("t", extra(text)))
		assert.Equal(t, want, got.GetExtra().Reveal())
	}
}

func TestRedactVariable(t *testing.T) {
	t.Parallel()
	m := connections.NewMasker()
	for _, c := range []struct{ key, value, want string }{
		{"region", "cn-hangzhou", "cn-hangzhou"},
		{"region", "", ""},
		{"my_Password", "hunter22", "***"},
		{"api_key", "", ""},
		{"limits", `{"rows": 1,  "deep": [{"api_key": "k", "n": 2}]}`, `{"rows": 1,  "deep": [{"api_key": "***", "n": 2}]}`},
		{"list", `["hunter22", 1]`, `["***", 1]`},
		{"text", "it is hunter22!", "it is ***!"},
		{"broken", `{"password": "x"`, `{"password": "x"`},
		{"md", "a *** b", "a *** b"},
	} {
		assert.Equal(t, c.want, m.RedactVariable(c.key, c.value), c.key)
	}
}

func TestRestoreVariable(t *testing.T) {
	t.Parallel()
	m := connections.NewMasker()
	for _, c := range []struct{ key, original, edited, want, wrong string }{
		{key: "password", original: "hunter22", edited: "***", want: "hunter22"},
		{key: "password", original: "hunter22", edited: "other", want: "other"},
		{key: "a", original: `{"token": "t1",  "n": 1}`, edited: `{"token": "***",  "n": 1}`, want: `{"token": "t1",  "n": 1}`},
		{key: "a", original: `{"token": "t1", "n": 1}`, edited: `{"n": 2, "token": "***"}`, want: `{"n":2,"token":"t1"}`},
		{key: "a", original: `{"token": "t1", "n": 1}`, edited: `{ "z": 2, "a": 1 }`, want: `{ "z": 2, "a": 1 }`},
		{key: "a", original: `{"token": "t1"}`, edited: `{"other": "***"}`, wrong: "value.other: *** stands for a secret"},
		{key: "a", original: "plain", edited: "***", wrong: "value: *** stands for a secret"},
		{key: "a", original: "plain", edited: "a *** b", want: "a *** b"},
		{key: "a", original: "plain", edited: `{"x": "a *** b"}`, want: `{"x": "a *** b"}`},
	} {
		got, err := connections.RestoreVariable(c.edited, m.RedactVariable(c.key, c.original), c.original)
		if c.wrong != "" {
			require.ErrorContains(t, err, c.wrong)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.want, got)
	}
}
