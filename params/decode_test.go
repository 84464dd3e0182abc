package params_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/params"
)

type base struct {
	Conn string `yaml:"conn_id" param:"default=http_default"`
}

type nested struct {
	Timeout time.Duration `yaml:"timeout" param:"min=1s"`
	Verify  bool          `yaml:"verify" param:"default=true"`
	Title   string        `yaml:"title" param:"template"`
	Name    string        `yaml:"name" param:"required"`
}

type sample struct {
	base

	Command string             `yaml:"command" param:"required,template"`
	Method  string             `yaml:"method" param:"default=GET,enum=GET|POST,template"`
	Env     map[string]string  `yaml:"env" param:"template"`
	Codes   []int              `yaml:"codes" param:"single,default=99,min=0,max=255"`
	Mobiles []string           `yaml:"mobiles" param:"commas,digits,template"`
	Data    any                `yaml:"data" param:"template"`
	Append  bool               `yaml:"append"`
	Wait    time.Duration      `yaml:"wait" param:"default=90s"`
	Ratio   float64            `yaml:"ratio" param:"min=0,max=1"`
	Small   int8               `yaml:"small"`
	Size    uint16             `yaml:"size"`
	Cwd     *string            `yaml:"cwd" param:"template"`
	Token   connections.Secret `yaml:"token" param:"template"`
	Options *nested            `yaml:"options"`
	Steps   []nested           `yaml:"steps"`
	Unit    string             `yaml:"unit" param:"needs=ratio"`
	Skipped string
}

func (s *sample) Validate() error {
	var errs []error
	if s.Append && s.Env == nil {
		errs = append(errs, params.At("append", errors.New("append needs env")))
	}
	if s.Size > 1000 {
		errs = append(errs, params.At("size", params.Warn("that is much")), params.Warn("general remark"))
	}
	return errors.Join(errs...)
}

func sampleType() *params.Type { return params.Of[sample]("operator sample", nil) }

func node(tb testing.TB, text string) *yaml.Node {
	tb.Helper()
	var doc yaml.Node
	require.NoError(tb, yaml.Unmarshal([]byte(text), &doc))
	if len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0]
}

func decode(t *testing.T, text string) sample {
	t.Helper()
	var s sample
	require.Empty(t, sampleType().Decode(node(t, text), &s))
	return s
}

func TestDecodeDefaults(t *testing.T) {
	t.Parallel()
	got := decode(t, "command: ls")
	want := sample{Command: "ls", Method: "GET", Codes: []int{99}, Wait: 90 * time.Second}
	want.Conn = "http_default"
	assert.Equal(t, want, got)
}

func TestDecodeValues(t *testing.T) {
	t.Parallel()
	got := decode(t, `
conn_id: other
command: "yes"
method: POST
env: {A: "1", B: ""}
codes: [1, 0x10, 010, 0b11, 1_00]
mobiles: [13800000000, "139"]
data: {n: 1, f: 1.5, b: on, s: text, z: ~, l: [1, {k: v}], d: 2024-01-02}
append: yes
wait: 5m
ratio: 1
small: -128
size: 600
cwd: ""
token: abc
options: {timeout: 1.5, name: x}
steps: [{name: a}, {name: b, verify: no}]
`)
	empty := ""
	assert.Equal(t, "other", got.Conn)
	assert.Equal(t, "yes", got.Command)
	assert.Equal(t, map[string]string{"A": "1", "B": ""}, got.Env)
	assert.Equal(t, []int{1, 16, 8, 3, 100}, got.Codes)
	assert.Equal(t, []string{"13800000000", "139"}, got.Mobiles)
	assert.Equal(t, map[string]any{
		"n": int64(1), "f": 1.5, "b": true, "s": "text", "z": nil,
		"l": []any{int64(1), map[string]any{"k": "v"}}, "d": "2024-01-02",
	}, got.Data)
	assert.True(t, got.Append)
	assert.Equal(t, 5*time.Minute, got.Wait)
	assert.InDelta(t, 1.0, got.Ratio, 0)
	assert.Equal(t, int8(-128), got.Small)
	assert.Equal(t, uint16(600), got.Size)
	assert.Equal(t, &empty, got.Cwd)
	assert.Equal(t, "abc", got.Token.Reveal())
	assert.Equal(t, &nested{Timeout: 1500 * time.Millisecond, Verify: true, Name: "x"}, got.Options)
	assert.Equal(t, []nested{{Name: "a", Verify: true}, {Name: "b"}}, got.Steps)
}

func TestDecodeNull(t *testing.T) {
	t.Parallel()
	got := decode(t, "{command: ls, method: null, codes: ~, cwd: , data: null, options: null, wait: null}")
	assert.Equal(t, "GET", got.Method, "null is as good as not given")
	assert.Nil(t, got.Codes, "null empties a list in spite of its default")
	assert.Nil(t, got.Cwd)
	assert.Nil(t, got.Data)
	assert.Nil(t, got.Options)
	assert.Equal(t, 90*time.Second, got.Wait)
}

func TestDecodeSingle(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []int{7}, decode(t, "{command: ls, codes: 7}").Codes)
	assert.Equal(t, []string{"138", "139"}, decode(t, `{command: ls, mobiles: "138, 139,"}`).Mobiles)
	assert.Equal(t, []string{"138"}, decode(t, `{command: ls, mobiles: 138}`).Mobiles)
	assert.Equal(t, []string{"{{ a(1, 2) }}"}, decode(t, `{command: ls, mobiles: "{{ a(1, 2) }}"}`).Mobiles)
}

func TestDecodeProblems(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ yaml, want string }{
		"unknown":         {"command: ls\ncomand: x", `2:1: unknown parameter "comand" for operator sample; did you mean "command"?`},
		"unknown far":     {"command: ls\nzzzzzz: x", `2:1: unknown parameter "zzzzzz" for operator sample`},
		"missing":         {"method: GET", `0:0: missing parameter "command" for operator sample`},
		"required null":   {"command: ~", `1:10: parameter "command" must not be null`},
		"bool word":       {"command: yes", `1:10: parameter "command" must be text, not a boolean (yes): quote it`},
		"number as text":  {"command: 3", `1:10: parameter "command" must be text, not a whole number (3): quote it`},
		"base 60":         {"command: 1:30", `1:10: parameter "command" must be text, not a whole number (1:30): quote it`},
		"octal":           {"command: 010", `1:10: parameter "command" must be text, not a whole number (010): quote it`},
		"float":           {"command: 1.5", `1:10: parameter "command" must be text, not a number (1.5): quote it`},
		"list as text":    {"command: [a]", `1:10: parameter "command" must be text, not a list`},
		"enum":            {"command: ls\nmethod: POTS", `2:9: parameter "method" must be one of GET, POST, not "POTS"; did you mean "POST"?`},
		"env number":      {"command: ls\nenv: {N: 3}", `2:10: parameter "env.N" must be text, not a whole number (3): quote it`},
		"env key":         {"command: ls\nenv: {yes: a}", `2:7: a key of parameter "env" must be text, not a boolean (yes): quote it`},
		"env list":        {"command: ls\nenv: [a]", `2:6: parameter "env" must be a mapping, not a list`},
		"octal digits":    {"command: ls\nmobiles: [010]", `2:11: parameter "mobiles[0]" must be text, not a whole number (010): quote it, since YAML reads a number that begins with 0 as octal`},
		"octal mobile":    {"command: ls\nmobiles: [013700000001]", `2:11: parameter "mobiles[0]" must be text, not a whole number (********0001): quote it, since YAML reads a number that begins with 0 as octal`},
		"no list":         {"command: ls\nsteps: a", `2:8: parameter "steps" must be a list, not text (a)`},
		"code range":      {"command: ls\ncodes: [1, 256]", `2:12: parameter "codes[1]" must be at most 255, not 256`},
		"bool as number":  {"command: ls\nsmall: yes", `2:8: parameter "small" must be a whole number, not a boolean (yes)`},
		"text as number":  {"command: ls\nsmall: '{{ n }}'", `2:8: parameter "small" must be a whole number, not text ({{ n }}): it takes no template`},
		"overflow":        {"command: ls\nsmall: 128", `2:8: parameter "small": 128 is out of range`},
		"negative":        {"command: ls\nsize: -1", `2:7: parameter "size": -1 is out of range`},
		"64 bits":         {"command: ls\ndata: 99999999999999999999", `2:7: parameter "data": 99999999999999999999 does not fit 64 bits`},
		"text as bool":    {"command: ls\nappend: 'true'", `2:9: parameter "append" must be true or false, not text (true)`},
		"duration":        {"command: ls\nwait: 5 fortnights", `2:7: parameter "wait": "5 fortnights" is not a valid duration: write it like 90s, 5m, 1h30m, 1d, PT5M or 2 days`},
		"secret value":    {"command: ls\ntoken: 123456", `2:8: parameter "token" must be text, not a whole number: quote it`},
		"nested unknown":  {"command: ls\noptions: {name: x, tiemout: 3}", `2:20: unknown parameter "tiemout" for parameter options; did you mean "timeout"?`},
		"nested missing":  {"command: ls\noptions: {}", `2:10: missing parameter "name" for parameter options`},
		"nested low":      {"command: ls\noptions: {name: x, timeout: 0.5}", `2:29: parameter "options.timeout" must be at least 1s, not 0.5`},
		"nested no map":   {"command: ls\noptions: x", `2:10: the value of parameter options must be a mapping, not text (x)`},
		"typed value":     {"command: ls\ndata: {__type__: builtins.list}", `2:8: typed value "builtins.list" is not taken in parameter "data": write it as plain text, number, list or mapping`},
		"free key":        {"command: ls\ndata: {on: 1}", `2:8: a key of parameter "data" must be text, not a boolean (on): quote it`},
		"validate":        {"command: ls\nappend: true", `2:9: append needs env`},
		"validate warns":  {"command: ls\nsize: 1001", "2:7: warning: that is much\n0:0: warning: general remark"},
		"alone":           {"command: ls\nunit: m", `2:7: parameter "unit" has no effect without "ratio": give both, or neither`},
		"alone with null": {"command: ls\nunit: m\nratio: ~", `2:7: parameter "unit" has no effect without "ratio": give both, or neither`},
		"null alone":      {"command: ls\nunit: ~", ""},
		"not alone":       {"command: ls\nunit: m\nratio: 0", ""},
		"no mapping":      {"[a]", `1:1: the value of operator sample must be a mapping, not a list`},
		"all at once":     {"a_b_c: 1\nsmall: x", "1:1: unknown parameter \"a_b_c\" for operator sample\n2:8: parameter \"small\" must be a whole number, not text (x)\n0:0: missing parameter \"command\" for operator sample"},
		"long values cut": {"command: ls\nmethod: " + strings.Repeat("x", 200), `2:9: parameter "method" must be one of GET, POST, not "` + strings.Repeat("x", 60) + `…"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s sample
			var lines []string
			for _, p := range sampleType().Decode(node(t, tc.yaml), &s) {
				severity := ""
				if p.Warning {
					severity = "warning: "
				}
				lines = append(lines, fmt.Sprintf("%d:%d: %s%s", p.Line, p.Column, severity, p.Text))
			}
			assert.Equal(t, tc.want, strings.Join(lines, "\n"))
		})
	}
}

func TestDecodeRepeatedKey(t *testing.T) {
	t.Parallel()
	n := node(t, "command: a")
	n.Content = append(n.Content, n.Content...)
	var s sample
	problems := sampleType().Decode(n, &s)
	require.Len(t, problems, 1)
	assert.Equal(t, `parameter "command" appears twice`, problems[0].Text)
}

func TestDecodeFollowsAliases(t *testing.T) {
	t.Parallel()
	got := decode(t, "command: &c ls\nenv: {A: *c}\ndata: [*c]")
	assert.Equal(t, "ls", got.Env["A"])
	assert.Equal(t, []any{"ls"}, got.Data)
}

// One element alone and a list with one element are told apart where the struct asks.
func TestDecodeTellsWhetherAListWasGiven(t *testing.T) {
	t.Parallel()
	type part struct {
		To       []string `yaml:"to" param:"single,listed=ToListed"`
		ToListed bool
	}
	type whole struct {
		part

		Parts []part `yaml:"parts"`
	}
	for text, want := range map[string]whole{
		"{}":                            {},
		"to: a":                         {part: part{[]string{"a"}, false}},
		"to: [a]":                       {part: part{[]string{"a"}, true}},
		"to: []":                        {part: part{[]string{}, true}},
		"to: null":                      {},
		"{parts: [{to: [a]}, {to: b}]}": {Parts: []part{{[]string{"a"}, true}, {[]string{"b"}, false}}},
		"{parts: [{to: &x [a]}], to: *x}": {
			part: part{[]string{"a"}, true}, Parts: []part{{[]string{"a"}, true}},
		},
	} {
		var got whole
		require.Empty(t, params.Of[whole]("", nil).Decode(node(t, text), &got), text)
		assert.Equal(t, want, got, text)
	}
}

func TestOfPanicsOnBadTags(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(){
		"unknown option": func() {
			params.Of[struct {
				A string `yaml:"a" param:"requird"`
			}]("", nil)
		},
		"bad default": func() {
			params.Of[struct {
				A int `yaml:"a" param:"default=x"`
			}]("", nil)
		},
		"default outside enum": func() {
			params.Of[struct {
				A string `yaml:"a" param:"enum=a|b,default=c"`
			}]("", nil)
		},
		"required with default": func() {
			params.Of[struct {
				A string `yaml:"a" param:"required,default=c"`
			}]("", nil)
		},
		"needs nothing": func() {
			params.Of[struct {
				A string `yaml:"a" param:"needs=b"`
			}]("", nil)
		},
		"listed without single": func() {
			params.Of[struct {
				A []string `yaml:"a" param:"listed=B"`
				B bool
			}]("", nil)
		},
		"listed in nothing": func() {
			params.Of[struct {
				A []string `yaml:"a" param:"single,listed=B"`
			}]("", nil)
		},
		"listed in a parameter": func() {
			params.Of[struct {
				A []string `yaml:"a" param:"single,listed=B"`
				B bool     `yaml:"b"`
			}]("", nil)
		},
		"templated number": func() {
			params.Of[struct {
				A int `yaml:"a" param:"template"`
			}]("", nil)
		},
		"unsupported type": func() {
			params.Of[struct {
				A chan int `yaml:"a"`
			}]("", nil)
		},
		"same name twice": func() {
			params.Of[struct {
				A int `yaml:"a"`
				B int `yaml:"a"` // the mistake is the test
			}]("", nil)
		},
		"no struct": func() { params.Of[int]("", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Panics(t, of)
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("command: ls\ndata: {a: [1, 2.5, yes]}\nwait: 1h30m")
	f.Add("options: {timeout: {__type__: datetime.timedelta, minutes: 5}}")
	f.Add("codes: 1:30\nratio: .inf\nmobiles: 1_0")
	typ := sampleType()
	f.Fuzz(func(t *testing.T, text string) {
		var doc yaml.Node
		if yaml.Unmarshal([]byte(text), &doc) != nil || len(doc.Content) == 0 || strings.Contains(text, "*") {
			return
		}
		var s sample
		if params.Failed(typ.Decode(doc.Content[0], &s)) {
			return
		}
		rendered, err := typ.Render(&s, func(_, text string) (any, error) { return text, nil })
		require.NoError(t, err)
		assert.Equal(t, s.Command, rendered.(*sample).Command)
	})
}
