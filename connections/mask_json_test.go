package connections_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/connections"
)

func TestMaskJSON(t *testing.T) {
	t.Parallel()
	m := connections.NewMasker()
	m.Add("s3cr3t", "12345", `pa"ss<`)
	for in, want := range map[string]string{
		`"s3cr3t"`: `"***"`,
		`{"s3cr3t": "a s3cr3t b", "n": [12345, 1234]}`:            `{"s3cr3t": "a *** b", "n": ["***", 1234]}`,
		`[1.12345e3, -12345, true, null]`:                         `["***", "***", true, null]`,
		`["pa\"ss<", "pa\"ss\u003c", "\u0073\u0033cr3t", "\\\""]`: `["***", "***", "***", "\\\""]`,
		"{\n  \"a\" : \"x\"\n}":                                   "{\n  \"a\" : \"x\"\n}",
		`{"a": s3cr3t`:                                            `{"a": ***`,
		``:                                                        ``,
	} {
		assert.Equal(t, want, string(m.MaskJSON([]byte(in))), in)
	}
}

func FuzzMaskJSON(f *testing.F) {
	for _, seed := range []string{`{"a": ["s3cr3t", 12345, "x\"s3cr3t\\"]}`, `"\u0073s3cr3t"`, `-1.5e+12345`, `{"s3cr3t":{}}`, "s3cr3t"} {
		f.Add(seed)
	}
	m := connections.NewMasker()
	m.Add("s3cr3t", "12345")
	f.Fuzz(func(t *testing.T, text string) {
		got := m.MaskJSON([]byte(text))
		if json.Valid([]byte(text)) != json.Valid(got) && json.Valid([]byte(text)) {
			t.Fatalf("%q became %q, which is no JSON", text, got)
		}
		if again := m.MaskJSON(got); string(again) != string(got) {
			t.Fatalf("%q became %q, and then %q", text, got, again)
		}
	})
}
