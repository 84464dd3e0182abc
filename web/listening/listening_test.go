package loopback_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web/loopback"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"127.0.0.1:8080", "127.1.2.3:0", "[::1]:8080", "[::ffff:127.0.0.1]:1", "localhost:8080", "LocalHost.:65535"} {
		assert.NoError(t, loopback.Check(ok), ok)
	}
	for _, bad := range []string{"0.0.0.0:8080", ":8080", "[::]:8080", "192.168.1.5:8080", "example.com:8080", "localhost.example.com:80", "127.0.0.1.example.com:80", "0:8080"} {
		assert.ErrorContains(t, loopback.Check(bad), "other machines reach this address", bad)
	}
	for _, bad := range []string{"", "8080", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1", "::1:8080", "unix:/run/x"} {
		assert.ErrorContains(t, loopback.Check(bad), "must be an address and a port, such as 127.0.0.1:8080", bad)
	}
	require.EqualError(t, loopback.Check("0.0.0.0:9"), `"0.0.0.0:9": other machines reach this address, and nobody has to sign in yet: use 127.0.0.1:9, and a reverse proxy in front of it for other machines`)
}
