package connections_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/connections"
)

func TestParseJSON(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want *connections.Connection
	}{
		"all attributes": {
			`{"conn_type": "my-type", "description": "d", "host": "H", "login": "l", "password": "p",
			  "schema": "s", "port": 80, "extra": {"z": 1, "a": "<b>"}}`,
			&connections.Connection{
				ID: "id", Type: "my_type", Description: new("d"), Host: new("H"), Login: new("l"),
				Password: secret("p"), Schema: new("s"), Port: new(80), Extra: secret(`{"z":1,"a":"<b>"}`),
			},
		},
		"empty object": {`{}`, &connections.Connection{ID: "id"}},
		"nulls": {
			`{"conn_type": null, "description": null, "host": null, "login": null, "password": null,
			  "schema": null, "port": null, "extra": null, "uri": null}`,
			&connections.Connection{ID: "id"},
		},
		"empty texts are not null, but for the password": {
			`{"conn_type": "", "description": "", "host": "", "login": "", "password": "", "schema": "", "port": "", "extra": "", "uri": ""}`,
			&connections.Connection{ID: "id", Description: new(""), Host: new(""), Login: new(""), Schema: new("")},
		},
		"postgresql":         {`{"conn_type": "postgresql"}`, &connections.Connection{ID: "id", Type: "postgres"}},
		"port as text":       {`{"port": "5432"}`, &connections.Connection{ID: "id", Port: new(5432)}},
		"port 0":             {`{"port": 0}`, &connections.Connection{ID: "id", Port: new(0)}},
		"extra as text":      {`{"extra": "{\"a\": 1}"}`, &connections.Connection{ID: "id", Extra: secret(`{"a": 1}`)}},
		"empty extra object": {`{"extra": { }}`, &connections.Connection{ID: "id"}},
		"big number in the extra": {
			`{"extra": {"n": 12345678901234567890.10}}`,
			&connections.Connection{ID: "id", Extra: secret(`{"n":12345678901234567890.10}`)},
		},
		"uri": {
			`{"uri": "my-type://l@h"}`,
			&connections.Connection{ID: "id", Type: "my_type", Host: new("h"), Login: new("l"), Schema: new("")},
		},
		"uri and description": {
			`{"uri": "t://h", "description": "d", "host": null}`,
			&connections.Connection{ID: "id", Type: "t", Description: new("d"), Host: new("h"), Schema: new("")},
		},
		"empty uri and attributes": {`{"uri": "", "conn_type": "t"}`, &connections.Connection{ID: "id", Type: "t"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := connections.ParseJSON("id", []byte(tt.text))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseJSONErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"unknown key":           {`{"pasword": "s3cr3t"}`, `unknown key "pasword"; the keys are conn_type, `},
		"conn_id":               {`{"conn_id": "id"}`, `unknown key "conn_id"`},
		"extra_dejson":          {`{"extra_dejson": {}}`, `unknown key "extra_dejson"`},
		"keys are exact":        {`{"Host": "h"}`, `unknown key "Host"`},
		"several mistakes":      {`{"x": 1, "port": []}`, `port: want an integer, got a list; unknown key "x"`},
		"port is no integer":    {`{"port": "s3cr3t"}`, "port: want an integer"},
		"port is a fraction":    {`{"port": 1.5}`, "port: want an integer"},
		"port is a truth value": {`{"port": true}`, "port: want an integer, got true or false"},
		"port too high":         {`{"port": 65536}`, "port 65536 is not between 0 and 65535"},
		"number for text":       {`{"password": 12345}`, "password: want text, got a number; put it in quotes"},
		"object for text":       {`{"host": {}}`, "host: want text, got an object"},
		"bad type":              {`{"conn_type": "a b"}`, `connection type "a b"`},
		"extra list":            {`{"extra": ["s3cr3t"]}`, "extra: want an object or its JSON text, got a list"},
		"extra text no object":  {`{"extra": "[\"s3cr3t\"]"}`, "extra: not a JSON object but a JSON array"},
		"extra text no JSON":    {`{"extra": "s3cr3t"}`, "extra: JSON syntax error at byte 1"},
		"uri and host":          {`{"uri": "t://s3cr3t@h", "host": "h"}`, "uri and host together"},
		"uri and extra":         {`{"uri": "t://h", "extra": {}}`, "uri and extra together"},
		"bad uri":               {`{"uri": "s3cr3t"}`, `no "://" in the URI`},
		"uri is a number":       {`{"uri": 5}`, "uri: want text, got a number"},
		"syntax":                {`{"password": "s3cr3t"`, "empty or ends too early"},
		"syntax inside":         {`{"password": s3cr3t}`, "JSON syntax error at byte 14"},
		"empty":                 {``, "empty or ends too early"},
		"text after it":         {`{} {}`, "text after the end"},
		"list":                  {`["s3cr3t"]`, "not a JSON object but a JSON array"},
		"null":                  {`null`, "not a JSON object but null"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connections.ParseJSON("id", []byte(tt.text))
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, `connection "id"`)
			assert.NotContains(t, err.Error(), "s3cr3t")
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		c    connections.Connection
		want string
	}{
		"all attributes": {
			connections.Connection{
				ID: "id", Type: "t", Description: new("d"), Host: new("h"), Login: new("l"), Password: secret("p<&>"),
				Schema: new("s"), Port: new(80), Extra: secret(`{"z": 1, "a": "<b>"}`),
			},
			`{"conn_type":"t","description":"d","host":"h","login":"l","password":"p<&>","schema":"s","port":80,` +
				`"extra":{"z":1,"a":"<b>"}}`,
		},
		"nulls are left out":   {connections.Connection{ID: "id"}, `{}`},
		"empty texts are kept": {connections.Connection{Host: new(""), Login: new(""), Port: new(0)}, `{"host":"","login":"","port":0}`},
		"empty extra":          {connections.Connection{Type: "t", Extra: secret("{ }")}, `{"conn_type":"t"}`},
		"extra without text":   {connections.Connection{Type: "t", Extra: secret("")}, `{"conn_type":"t"}`},
		"broken extra":         {connections.Connection{Extra: secret(`{"a`)}, `{"extra":"{\"a"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, string(tt.c.JSON()))
		})
	}
}

func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := anyConnection().Draw(t, "connection")
		got, err := connections.ParseJSON(c.ID, c.JSON())
		if err != nil {
			t.Fatalf("parse %s: %v", c.JSON(), err)
		}
		want := *c
		want.Type = connections.NormalizeType(c.Type)
		if c.GetPassword() == "" {
			want.Password = nil
		}
		assertSame(t, &want, got)
	})
}

func TestParseValue(t *testing.T) {
	t.Parallel()
	c, err := connections.ParseValue("id", ` {"conn_type": "t", "uri": ""} `)
	require.NoError(t, err)
	assert.Equal(t, &connections.Connection{ID: "id", Type: "t"}, c)

	c, err = connections.ParseValue("id", " t://h ")
	require.NoError(t, err)
	assert.Equal(t, conn("t", host("h")), c)
}

func TestExtraMap(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		extra *connections.Secret
		want  map[string]any
	}{
		"null":   {nil, map[string]any{}},
		"empty":  {secret(""), map[string]any{}},
		"object": {secret(`{"a":{"n":1.0},"b":null}`), map[string]any{"a": map[string]any{"n": json.Number("1.0")}, "b": nil}},
	} {
		got, err := (&connections.Connection{Extra: tt.extra}).ExtraMap()
		require.NoError(t, err, name)
		assert.Equal(t, tt.want, got, name)
	}
	_, err := (&connections.Connection{Extra: secret(`"s3cr3t"`)}).ExtraMap()
	require.ErrorContains(t, err, "not a JSON object but a JSON string")
}

func TestFromAttributes(t *testing.T) {
	t.Parallel()
	c, err := connections.FromAttributes("id", map[string]any{
		"conn_type": "dingding", "password": "", "port": 7, "extra": map[string]any{"a": []any{1, "b"}},
	})
	require.NoError(t, err)
	assert.Equal(t, &connections.Connection{ID: "id", Type: "dingding", Port: new(7), Extra: secret(`{"a":[1,"b"]}`)}, c)

	_, err = connections.FromAttributes("id", map[string]any{"extra": map[string]any{"a": map[any]any{1: "s3cr3t"}}})
	require.ErrorContains(t, err, "extra: a value in it cannot be written as JSON")
	_, err = connections.FromAttributes("a b", nil)
	require.ErrorContains(t, err, "not allowed")
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"conn_type":"t","host":"h","port":"1","extra":{"a":1}}`))
	f.Add([]byte(`{"uri":"t://h","description":"d"}`))
	f.Add([]byte(`{"extra":"{}","port":0,"password":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := connections.ParseJSON("id", data)
		if err != nil {
			return
		}
		require.NoError(t, c.Validate())
		require.NotContains(t, string(c.JSON()), "\n")
		again, err := connections.ParseJSON("id", c.JSON())
		require.NoError(t, err)
		assertSame(t, c, again)
		require.True(t, strings.HasPrefix(string(c.JSON()), "{"))
	})
}
