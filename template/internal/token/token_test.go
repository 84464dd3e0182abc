package token_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/template/internal/token"
)

// scan shows the tokens of a tag, or the mistake in it.
func scan(src string) string {
	s := token.New(src, 2, src[len(src)-2:])
	var out []string
	for {
		if err := s.Next(); err != nil {
			e := err.(*token.Error) //nolint:errorlint,forcetypeassert // it is nothing else
			return fmt.Sprintf("%d: %s", e.At, e.Text)
		}
		if s.Kind == token.End {
			return fmt.Sprintf("%s %t %d", strings.Join(out, " "), s.Trim, s.Offset)
		}
		out = append(out, fmt.Sprintf("%d:%s", s.Kind, s.Value))
	}
}

func TestScanner(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"{{ a.b }}":            "1:a 4:. 1:b false 9",
		"{{x-}}":               "1:x true 6",
		"{% x +%}":             "1:x false 8",
		"{{ {'a': {}} }}":      "4:{ 2:a 4:: 4:{ 4:} 4:} false 15",
		`{{ "\u4f60\n" ~ 1 }}`: "2:你\n 4:~ 3:1 false 20",
		"{{ x.0.1 }}":          "1:x 4:. 3:0 4:. 3:1 false 11",
		"{{ 0.1e+2_0 }}":       "3:0.1e+2_0 false 14",
		"{{ 0xfF**2 }}":        "3:0xfF 4:** 3:2 false 13",
		"{{ ä_1 }}":            "1:ä_1 false 10",
		"{{ ) }}":              "3: unexpected ')'",
		"{{ [) }}":             "4: unexpected ')'",
		"{{ a ? b }}":          "5: unexpected character '?'",
		"{{ 'abc }}":           "3: the text is never closed: ' is missing",
	} {
		assert.Equal(t, want, scan(src), src)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	large, ok := new(big.Int).SetString("123456789012345678901234567890", 10)
	require.True(t, ok)
	for text, want := range map[string]any{
		"0": int64(0), "00": int64(0), "1_000": int64(1000), "0b11": int64(3), "0o17": int64(15), "0XfF": int64(255), "1.5": 1.5, "2e3": 2000.0,
		"123456789012345678901234567890": large,
	} {
		got, ok := token.Number(text)
		require.True(t, ok, text)
		assert.Equal(t, want, got, text)
	}
	_, ok = token.Number("007")
	assert.False(t, ok, "Python has no such number")
}
