package listening_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web/listening"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][]string{
		"127.0.0.1:8080": {"127.0.0.1", "8080"}, "127.1.2.3:0": {"127.1.2.3", "0"}, "[::1]:8080": {"::1", "8080"}, "localhost:8080": {"127.0.0.1", "8080"},
		"LocalHost.:65535": {"127.0.0.1", "65535"}, ":8080": {"", "8080"}, "0.0.0.0:80": {"0.0.0.0", "80"}, "[fe80::1%eth0]:80": {"fe80::1%eth0", "80"},
	} {
		host, port, err := listening.Split(address)
		require.NoError(t, err, address)
		assert.Equal(t, want, []string{host, port}, address)
	}
	for _, bad := range []string{"", "8080", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1", "::1:8080", "unix:/run/x", "example.com:80", "0:8080", "localhost.example.com:80", "*:80"} {
		_, _, err := listening.Split(bad)
		assert.ErrorContains(t, err, "must be an IP address and a port, such as 127.0.0.1:8080", bad)
	}
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for _, ours := range []string{"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "localhost", "LocalHost."} {
		assert.True(t, listening.IsLoopback(ours), ours)
	}
	for _, others := range []string{"", "0.0.0.0", "::", "192.168.1.5", "example.com", "localhost.example.com", "127.0.0.1.example.com", "0"} {
		assert.False(t, listening.IsLoopback(others), others)
	}
}
