package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"": "", "https://x.example": "https://x.example", "https://x.example/": "https://x.example", "http://10.0.0.1:8080/a/b//": "http://10.0.0.1:8080/a/b",
		"http://[::1]:8080": "http://[::1]:8080",
	} {
		got, err := optionalBase(given)
		require.NoError(t, err, given)
		assert.Equal(t, want, got)
	}
	for _, bad := range []string{
		"x.example", "//x.example", "ftp://x.example", "https://", "https:///a", "https://:443", "https://u:hunter2@x.example", "https://x.example?a=hunter2", "https://x.example/?", "https://x.example/#", "https://x.example/%zz",
	} {
		_, err := optionalBase(bad)
		require.ErrorContains(t, err, "must be an http or https URL without user, query and fragment, such as", bad)
		assert.NotContains(t, err.Error(), "hunter2")
	}
	for _, bad := range []string{"https://x.example/a/../b", "https://x.example/a//b", "https://x.example/./a", "https://x.example/{a}", "https://x.example/a b", "https://x.example/%7Ba"} {
		_, err := optionalBase(bad)
		require.ErrorContains(t, err, "no relative parts", bad)
	}
}

func TestSandboxURL(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"": "", "off": "off", "http://sandbox:8100/": "http://sandbox:8100"} {
		got, err := optionalSandbox(given)
		require.NoError(t, err, given)
		assert.Equal(t, want, got)
	}
	for _, bad := range []string{"on", "sandbox:8100", "http://u:hunter2@sandbox", "http://sandbox/../x"} {
		_, err := optionalSandbox(bad)
		require.EqualError(t, err, "must be off, or an http or https URL without user, query and fragment, such as http://127.0.0.1:8100", bad)
	}
}
