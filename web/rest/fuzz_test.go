package rest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web/rest"
)

// FuzzParseTime holds that what is read has a form in an answer, that this form is read as the same moment, and that what
// cannot be read is refused with words.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-01-31T08:00:00+08:00", "2026-01-31", "0001-01-01T00:00+08:00", "9999-12-31T23:59:59-23:59", "1e9", "-62135596800", "20000000001", "2026-01-31 08:00:00.123456Z", "2024-01-31T1:00Z", "2024-02-29T00:00:00,5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, _, err := rest.ParseTime(text)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.Equal(t, time.UTC, got.Location())
		shown, err := rest.Time{Time: got}.MarshalJSON()
		require.NoError(t, err)
		again, aware, err := rest.ParseTime(string(shown[1 : len(shown)-1]))
		require.NoError(t, err, "%s of %q", shown, text)
		assert.True(t, aware)
		assert.True(t, got.Equal(again), "%q is %s, and that is %s", text, got, again)
	})
}
