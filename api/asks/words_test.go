package asks_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/store"
)

// Values mean what they mean where a run is triggered.
func TestRead(t *testing.T) {
	t.Parallel()
	a := asks.Ask{Options: []string{"OK", "a=b"}, Params: []store.AskParam{
		{Name: "day"}, {Name: "opt", Schema: json.RawMessage(`{"type":["string","null"]}`)}, {Name: "s", Schema: json.RawMessage(`{"type":"string"}`)},
	}}
	for word, want := range map[string]string{
		"day=2026-01-31": `{"day":"2026-01-31"}`,
		"day=":           `{"day":""}`,
		"day=1_000":      `{"day":1000}`,
		"day=[1, <a>]":   `{"day":[1,"<a>"]}`,
		"opt=0123":       `{"opt":"0123"}`,
		"opt=null":       `{"opt":null}`,
		"s=0123":         `{"s":"0123"}`,
		"other=x":        `{"other":"x"}`,
	} {
		chosen, input, err := a.Read(asks.Words([]string{"OK", "a=b", word})...)
		require.NoError(t, err, word)
		assert.Equal(t, []string{"OK", "a=b"}, chosen)
		assert.JSONEq(t, want, string(input), word)
	}
	for text, want := range map[string]string{"day=3": `{"day":"3"}`, "day=null": `{"day":"null"}`, "opt=[1": `{"opt":"[1"}`, "day=a=b <c>": `{"day":"a=b <c>"}`} {
		chosen, input, err := a.Read(asks.Word{Text: text, Quoted: true})
		require.NoError(t, err, text)
		assert.Empty(t, chosen)
		assert.Equal(t, want, string(input))
	}
	chosen, _, err := a.Read(asks.Word{Text: "a=b", Quoted: true})
	require.NoError(t, err)
	assert.Equal(t, []string{"a=b"}, chosen, "an option stays one")
	for _, words := range [][]string{{"day=*x"}, {"day=[1"}, {"s=1", "s=2"}} {
		_, _, err := a.Read(asks.Words(words)...)
		require.ErrorContains(t, err, "params_input: param", words)
	}
}

// What stands in a form as it was is the default; a field without one that is left out is refused with the answer.
func TestFill(t *testing.T) {
	t.Parallel()
	a := asks.Ask{Params: []store.AskParam{
		{Name: "rows", Value: json.RawMessage(`10`)}, {Name: "why", Value: json.RawMessage(`"5"`)}, {Name: "who"},
	}}
	assert.Equal(t, "5", asks.Default(a.Params[1]))
	assert.Empty(t, asks.Default(a.Params[2]))
	for want, form := range map[string]map[string]string{
		``:                       {"rows": "10", "why": "5", "who": ""},
		`{"rows":7,"who":"ann"}`: {"rows": "7", "why": "5", "who": "ann", "other": "x"},
		`{"why":"because of 5"}`: {"why": "because of 5"},
	} {
		input, err := a.Fill(form)
		require.NoError(t, err)
		assert.Equal(t, want, string(input))
	}
	_, err := a.Fill(map[string]string{"who": "[1"})
	require.ErrorContains(t, err, `params_input: param "who"`)
}
