package signin_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web/signin"
)

// FuzzSafeNext holds that whatever is asked for leads to this server and has no line of a header of its own.
func FuzzSafeNext(f *testing.F) {
	for _, s := range []string{"/dags/a?b=c", "//evil.example", "/\\evil.example", "https://evil.example", "/%5cevil.example", "/.//evil.example", "/a\r\nX: y", "/..//evil.example", "/?next=//evil.example", "/#@evil.example", "/\u2028"} {
		f.Add(s)
	}
	base, err := url.Parse("https://ours.example/auth/login")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, next string) {
		to := signin.SafeNext(next)
		require.True(t, strings.HasPrefix(to, "/"), "%q of %q", to, next)
		require.False(t, strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`), "%q of %q", to, next)
		require.Negative(t, strings.IndexFunc(to, func(c rune) bool { return c < ' ' || c == 0x7f }), "%q of %q", to, next)
		u, err := base.Parse(to)
		require.NoError(t, err)
		assert.Equal(t, "ours.example", u.Host)
		assert.Equal(t, to, signin.SafeNext(to), "what is safe stays as it is")
	})
}
