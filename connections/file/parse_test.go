package file_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/connections/file"
)

func TestParseConnections(t *testing.T) {
	t.Parallel()
	h := func(id, connType string) *connections.Connection {
		return &connections.Connection{ID: id, Type: connType, Host: new("h"), Schema: new("")}
	}
	whole := &connections.Connection{
		ID: "a", Type: "my_type", Description: new("d"), Host: new("H"), Login: new("l"), Password: secret("p"),
		Schema: new("s"), Port: new(80), Extra: secret(`{"k":{"n":1}}`),
	}
	tests := map[string]struct {
		format file.Format
		text   string
		want   []*connections.Connection
	}{
		"env": {
			file.Env, "a=t://h\n\n \t\n# comment=x\n  # comment\nb=u://h",
			[]*connections.Connection{h("a", "t"), h("b", "u")},
		},
		"env splits at the first =": {
			file.Env, "a=t://h?k=v=w",
			[]*connections.Connection{{ID: "a", Type: "t", Host: new("h"), Schema: new(""), Extra: secret(`{"k":"v=w"}`)}},
		},
		"env with Windows line ends": {file.Env, "a=t://h\r\nb=u://h\r\n", []*connections.Connection{h("a", "t"), h("b", "u")}},
		"env with JSON":              {file.Env, `a={"conn_type": "t"}`, []*connections.Connection{{ID: "a", Type: "t"}}},
		"empty env":                  {file.Env, "", []*connections.Connection{}},

		"json": {
			file.JSON, `{
			  "b": "t://h",
			  "a": {"conn_id": "a", "conn_type": "my-type", "description": "d", "host": "H", "login": "l",
			        "password": "p", "schema": "s", "port": "80", "extra": {"k": {"n": 1}}},
			  "c": ["t://h"],
			  "d": [{"conn_type": "t", "extra": null, "extra_dejson": {"x": 1}}],
			  "e": [],
			  "f": {"uri": "t://h"}
			}`,
			[]*connections.Connection{
				h("b", "t"), whole, h("c", "t"),
				{ID: "d", Type: "t", Extra: secret(`{"x":1}`)},
				h("f", "t"),
			},
		},
		"json with extra as text": {
			file.JSON, `{"a": {"extra": "{\"x\": 1}"}}`,
			[]*connections.Connection{{ID: "a", Extra: secret(`{"x": 1}`)}},
		},
		"empty json object": {file.JSON, " {}\n", []*connections.Connection{}},

		"yaml": {
			file.YAML, `
b: t://h
a:
  conn_id: a
  conn_type: my-type
  description: d
  host: H
  login: l
  password: p
  schema: s
  port: 80
  extra_dejson:
    k: {n: 1}
c: ["t://h"]
d: []
e: {login: None, host: 2026-01-31, schema: null}
`,
			[]*connections.Connection{
				h("b", "t"), whole, h("c", "t"),
				{ID: "e", Login: new("None"), Host: new("2026-01-31")},
			},
		},
		"yaml as Airflow reads it": {
			file.YAML, "a: {conn_type: t, port: 0120, extra: {on: no, n: 1_000, t: 1:30}}\n",
			[]*connections.Connection{{ID: "a", Type: "t", Port: new(80), Extra: secret(`{"n":1000,"on":false,"t":90}`)}},
		},
		"yaml with an anchor": {
			file.YAML, "a: &a {conn_type: t}\nb: *a\n",
			[]*connections.Connection{{ID: "a", Type: "t"}, {ID: "b", Type: "t"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := file.ParseConnections("name", tt.format, []byte(tt.text))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseConnectionsErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		format file.Format
		text   string
		want   string
	}{
		"env without =":        {file.Env, "a=t://h\ns3cr3t", `f:2: no "=" in the line`},
		"env without value":    {file.Env, "\na=", `f:2: "a" has no value behind "="`},
		"env without id":       {file.Env, "=t://h", `f:1: no id before "="`},
		"env id twice":         {file.Env, "a=t://h\nb=t://h\na=u://h", `f:3: "a" appears twice, first on line 1`},
		"env is not trimmed":   {file.Env, "a =t://h", `f:1: connection id "a ": character ' '`},
		"env has no export":    {file.Env, "export a=t://h", `f:1: connection id "export a"`},
		"env has no quotes":    {file.Env, `a="t://h"`, `f:1: connection "a": the text before "://"`},
		"env malformed value":  {file.Env, "a=t://h\nb=s3cr3t", `f:2: connection "b": no "://"`},
		"env several mistakes": {file.Env, "s3cr3t\na=", "f:1: no \"=\" in the line; want ID=value\nf:2: "},

		"json empty":          {file.JSON, " \n", "f:1: the file is empty"},
		"json list":           {file.JSON, `["s3cr3t"]`, "f:1: want a JSON object"},
		"json syntax":         {file.JSON, "{\n\"a\": \"t://h\",\n\"b\": s3cr3t}", "f:3: JSON syntax error"},
		"json key no text":    {file.JSON, "{\n1: 2}", "f:2: JSON syntax error"},
		"json cut off":        {file.JSON, "{\n\"a\": \"t://h\"\n", "f:2: the file ends too early"},
		"json cut off inside": {file.JSON, "{\n\"a\": {\"host\":", "f:2: the file ends too early"},
		"json text after it":  {file.JSON, "{}\ns3cr3t", "f:2: text after the end"},
		"json id twice":       {file.JSON, "{\"a\": \"t://h\",\n\"a\": \"u://h\"}", `f:2: "a" appears twice`},
		"json two values":     {file.JSON, "{\n\"a\": [\"t://h\", \"u://h\"]}", `f:2: "a" has 2 values; one is allowed`},
		"json null":           {file.JSON, `{"a": null}`, `f:1: connection "a": want a URI in quotes or an object`},
		"json number":         {file.JSON, `{"a": 5}`, `f:1: connection "a": want a URI in quotes or an object`},
		"json list in list":   {file.JSON, `{"a": [["t://h"]]}`, `f:1: connection "a": want a URI in quotes or an object`},
		"json unknown key":    {file.JSON, "{\n\n\"a\": {\"pasword\": \"s3cr3t\"}}", `f:3: connection "a": unknown key "pasword"`},
		"json other conn_id":  {file.JSON, `{"a": {"conn_id": "b"}}`, `f:1: connection "a": conn_id differs`},
		"json null conn_id":   {file.JSON, `{"a": {"conn_id": null}}`, `f:1: connection "a": conn_id differs`},
		"json both extras":    {file.JSON, `{"a": {"extra": "{}", "extra_dejson": {}}}`, `f:1: connection "a": extra and extra_dejson together`},
		"json bad id":         {file.JSON, `{"a b": "t://h"}`, `f:1: connection id "a b"`},
		"json several mistakes": {
			file.JSON, "{\"a\": \"x\",\n\"b\": 5,\n\"c\": \"t://h\"}",
			"f:1: connection \"a\": no \"://\" in the URI; want conn-type://login:password@host:port/schema?key=value\nf:2: ",
		},

		"yaml empty":              {file.YAML, "", "f:1: the file is empty"},
		"yaml comment only":       {file.YAML, "# nothing\n", "f:1: the file is empty"},
		"yaml null":               {file.YAML, "---\n~\n", "f:2: the file is empty"},
		"yaml list":               {file.YAML, "- s3cr3t\n", "f:1: want a YAML mapping"},
		"yaml syntax":             {file.YAML, "a: t://h\nb: [s3cr3t\n", "f:2:4: YAML: this [ is not closed"},
		"yaml text after a quote": {file.YAML, "a: t://h\nb: \"half\" s3cr3t\n", "f:2:11: YAML: the quoted text ends before this"},
		"yaml unquoted star":      {file.YAML, "a:\n  password: *s3cr3t\n", "f:2:13: YAML: unknown anchor: quote a value that starts with *"},
		"yaml documents":          {file.YAML, "a: t://h\n---\nb: t://h\n", "f:2: a second YAML document"},
		"yaml id twice":           {file.YAML, "a: t://h\nb: t://h\na: u://h\n", `f:3: "a" appears twice, first on line 1`},
		"yaml key twice":          {file.YAML, "a:\n  host: x\n  host: s3cr3t\n", "f:3: YAML: mapping key … already defined"},
		"yaml two values":         {file.YAML, "a:\n- t://h\n- u://h\n", `f:1: "a" has 2 values`},
		"yaml null value":         {file.YAML, "a:\n", `f:1: connection "a": want a URI in quotes or an object`},
		"yaml number":             {file.YAML, "a: t://h\nb:\n  password: 12345\n", `f:2: connection "b": password: want text, got a number; put it in quotes`},
		"yaml key no text":        {file.YAML, "[a]: t://h\n", "f:1: want text for an id"},

		"other format": {".ini", "", `f: unsupported file format ".ini"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := file.ParseConnections("f", tt.format, []byte(tt.text))
			require.ErrorContains(t, err, tt.want)
			assert.Nil(t, got)
			assert.NotContains(t, err.Error(), "s3cr3t")
		})
	}
}

func TestParseVariables(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		format file.Format
		text   string
		want   map[string]string
	}{
		"env":               {file.Env, "a=b=c \n# x=y\nk k= 1", map[string]string{"a": "b=c ", "k k": " 1"}},
		"env keeps quotes":  {file.Env, `a="b"`, map[string]string{"a": `"b"`}},
		"env keeps JSON":    {file.Env, `a={"b": 1}`, map[string]string{"a": `{"b": 1}`}},
		"json text":         {file.JSON, `{"a": "b", "e": ""}`, map[string]string{"a": "b", "e": ""}},
		"json other values": {file.JSON, `{"n": 1.50, "t": true, "o": {"x": [1]}, "z": null}`, map[string]string{"n": "1.50", "t": "true", "o": `{"x":[1]}`}},
		"json lists":        {file.JSON, `{"one": ["a"], "none": [], "inner": [[1, 2]]}`, map[string]string{"one": "a", "inner": "[1,2]"}},
		"yaml": {
			file.YAML, "a: b\nn: 7\nd: 2026-01-31\no: {x: [1]}\none: [a]\nnone: []\nz: null\ntext: None\n",
			map[string]string{"a": "b", "n": "7", "d": "2026-01-31", "o": `{"x":[1]}`, "one": "a", "text": "None"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := file.ParseVariables("name", tt.format, []byte(tt.text))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseVariablesErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		format file.Format
		text   string
		want   string
	}{
		"env without =":   {file.Env, "s3cr3t", `f:1: no "="`},
		"env key twice":   {file.Env, "a=1\na=2", `f:2: "a" appears twice`},
		"json empty":      {file.JSON, "", "f:1: the file is empty"},
		"json two values": {file.JSON, `{"a": [1, 2]}`, `f:1: "a" has 2 values`},
		"yaml two values": {file.YAML, "x: 1\na: [1, 2]", `f:2: "a" has 2 values`},
		"yaml no JSON":    {file.YAML, "a: {1: s3cr3t}", `f:1: variable "a": the value cannot be written as JSON`},
		"yaml bomb":       {file.YAML, bomb(), "excessive aliasing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := file.ParseVariables("f", tt.format, []byte(tt.text))
			require.ErrorContains(t, err, tt.want)
			assert.Nil(t, got)
			assert.NotContains(t, err.Error(), "s3cr3t")
		})
	}
}

// bomb is a small document that unfolds to ten to the ninth values.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i <= 9; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [[%s]]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10))
	}
	return b.String()
}

func secret(text string) *connections.Secret { return new(connections.Secret(text)) }

func FuzzParse(f *testing.F) {
	f.Add("a=t://h\n# x\nb={}")
	f.Add(`{"a": {"conn_type": "t", "port": "1", "extra": {}}, "b": ["t://h"]}`)
	f.Add("a: t://h\nb: &b {conn_type: t, extra_dejson: {x: 1}}\nc: *b\n")
	f.Add("# nothing\n--- \n...\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range []file.Format{file.Env, file.JSON, file.YAML} {
			if _, err := file.ParseVariables("f", format, []byte(text)); err != nil {
				require.ErrorContains(t, err, "f:")
			}
			all, err := file.ParseConnections("f", format, []byte(text))
			if err != nil {
				require.ErrorContains(t, err, "f:")
				continue
			}
			for _, c := range all {
				require.NoError(t, c.Validate())
			}
		}
	})
}
