package file_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/connections/file"
)

// two are connections that read back the same from every form, out of order.
func two() []*connections.Connection {
	return []*connections.Connection{
		{ID: "z", Type: "t", Host: new(""), Schema: new("")},
		{
			ID: "a", Type: "my_type", Host: new("https://h/<p>"), Login: new("l=#"), Password: secret("p\n\"'&: *x"),
			Schema: new("s"), Port: new(80), Extra: secret(`{"k":"v"}`),
		},
	}
}

func TestWriteConnections(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		format file.Format
		as     file.Serialization
		want   string
	}{
		"env": {file.Env, "", "a=my-type://https://l%3D%23:p%0A%22%27%26%3A%20%2Ax@h%2F%3Cp%3E:80/s?k=v\nz=t://\n"},
		"env as JSON": {
			file.Env, file.AsJSON,
			`a={"conn_type":"my_type","host":"https://h/<p>","login":"l=#","password":"p\n\"'&: *x","schema":"s","port":80,"extra":{"k":"v"}}` +
				"\nz={\"conn_type\":\"t\",\"host\":\"\",\"schema\":\"\"}\n",
		},
		"json": {file.JSON, file.AsURI, `{
  "a": {
    "conn_type": "my_type",
    "description": null,
    "login": "l=#",
    "password": "p\n\"'&: *x",
    "host": "https://h/<p>",
    "port": 80,
    "schema": "s",
    "extra": "{\"k\":\"v\"}"
  },
  "z": {
    "conn_type": "t",
    "description": null,
    "login": null,
    "password": null,
    "host": "",
    "port": null,
    "schema": "",
    "extra": null
  }
}
`},
		"yaml": {file.YAML, file.AsJSON, `a:
  conn_type: my_type
  description: null
  login: l=#
  password: |-
    p
    "'&: *x
  host: https://h/<p>
  port: 80
  schema: s
  extra: '{"k":"v"}'
z:
  conn_type: t
  description: null
  login: null
  password: null
  host: ""
  port: null
  schema: ""
  extra: null
`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			require.NoError(t, file.WriteConnections(&out, tt.format, tt.as, two()))
			assert.Equal(t, tt.want, out.String())

			again, err := file.ParseConnections("f", tt.format, out.Bytes())
			require.NoError(t, err)
			assert.ElementsMatch(t, two(), again)
		})
	}
}

func TestWriteNoConnections(t *testing.T) {
	t.Parallel()
	for format, want := range map[file.Format]string{file.JSON: "{}\n", file.YAML: "{}\n", file.Env: ""} {
		var out bytes.Buffer
		require.NoError(t, file.WriteConnections(&out, format, "", nil))
		assert.Equal(t, want, out.String())
		again, err := file.ParseConnections("f", format, out.Bytes())
		require.NoError(t, err)
		assert.Empty(t, again)
	}
}

func TestWriteConnectionsErrors(t *testing.T) {
	t.Parallel()
	hash := []*connections.Connection{{ID: "#a", Type: "t"}}
	var out bytes.Buffer
	require.ErrorContains(t, file.WriteConnections(&out, file.Env, "", hash), `connection "#a": an .env file would read it as a comment`)
	require.ErrorContains(t, file.WriteConnections(&out, file.Env, "xml", two()), `unknown serialization "xml"`)
	require.ErrorContains(t, file.WriteConnections(&out, ".ini", "", two()), `unsupported file format ".ini"`)
	assert.Empty(t, out.String(), "nothing is written by half")

	require.ErrorContains(t, file.WriteConnections(full{}, file.JSON, "", hash), "disk full")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }
