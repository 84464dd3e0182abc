package runs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A line that is longer than the memory comes in pieces, none of which cuts a character.
func TestEachLine(t *testing.T) {
	t.Parallel()
	long := "a" + strings.Repeat("日", longestLine)
	for text, want := range map[string][]string{
		"": nil, "a": {"a"}, "a\n": {"a"}, "a\r\n\nb": {"a", "", "b"}, "\xff\xfe\n": {"\xff\xfe"}, long + "\nb\n": {long, "b"}, "x\n" + long: {"x", long},
		strings.Repeat("\x80", longestLine) + "\n": {strings.Repeat("\x80", longestLine)},
	} {
		var got []string
		joined := ""
		require.NoError(t, eachLine(strings.NewReader(text), func(line string) error {
			assert.LessOrEqual(t, len(line), longestLine+4)
			if !strings.Contains(text, "\xff") && !strings.Contains(text, "\x80") {
				assert.True(t, strings.ToValidUTF8(line, "") == line, "a character is cut")
			}
			got = append(got, line)
			joined += line
			return nil
		}))
		assert.Equal(t, strings.Join(want, ""), joined)
		if len(text) < longestLine {
			assert.Equal(t, want, got)
		}
	}
}
