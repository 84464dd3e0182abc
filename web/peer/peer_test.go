package peer_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web/peer"
)

func TestParseProxies(t *testing.T) {
	t.Parallel()
	ps, err := peer.ParseProxies("10.0.0.0/8", "192.168.1.5", "::1", "fd00::/8", "::ffff:172.16.0.1")
	require.NoError(t, err)
	assert.Len(t, ps, 5)
	for bad, want := range map[string]string{
		"": "must be an IP address or a network, such as 10.0.0.0/8", "proxy": "must be an IP address", "10.0.0.0/33": "must be an IP address", "10.0.0.1:80": "must be an IP address",
		"fe80::1%eth0": "must be an IP address", "::ffff:10.0.0.0/104": "must be an IP address", "10.0.0.1/8": "has bits after the first 8: the network is 10.0.0.0/8",
	} {
		_, err := peer.ParseProxies("10.0.0.0/8", bad)
		assert.ErrorContains(t, err, want, bad)
	}
}

// What a header says counts from a proxy alone, and of that what the proxies have written.
func TestPeer(t *testing.T) {
	t.Parallel()
	ps, err := peer.ParseProxies("10.0.0.0/8", "fd00::/8")
	require.NoError(t, err)
	const cheat = "6.6.6.6"
	for name, c := range map[string]struct {
		remote           string
		forwarded, proto []string
		want             peer.Peer
	}{
		"nobody in between":       {"203.0.113.9:5", nil, nil, peer.Peer{Address: "203.0.113.9"}},
		"a stranger who pretends": {"203.0.113.9:5", []string{cheat}, []string{"https"}, peer.Peer{Address: "203.0.113.9", Unheard: true}},
		"this machine":            {"127.0.0.1:5", []string{cheat}, []string{"https"}, peer.Peer{Address: "127.0.0.1", Near: true, Unheard: true}},
		"a proxy":                 {"10.0.0.1:5", []string{"203.0.113.9"}, []string{"https"}, peer.Peer{Address: "203.0.113.9", Secure: true, Near: true}},
		"not encrypted":           {"10.0.0.1:5", []string{"203.0.113.9"}, []string{"http"}, peer.Peer{Address: "203.0.113.9", Near: true}},
		"a proxy says nothing":    {"10.0.0.1:5", nil, nil, peer.Peer{Address: "10.0.0.1", Near: true}},
		"what the client says":    {"10.0.0.1:5", []string{cheat + ", 203.0.113.9"}, []string{"https, http"}, peer.Peer{Address: "203.0.113.9", Near: true}},
		"in two headers":          {"10.0.0.1:5", []string{cheat, "203.0.113.9"}, nil, peer.Peer{Address: "203.0.113.9", Near: true}},
		"two proxies":             {"10.0.0.1:5", []string{cheat + ",203.0.113.9, 10.9.9.9"}, nil, peer.Peer{Address: "203.0.113.9", Near: true}},
		"proxies alone":           {"10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, nil, peer.Peer{Address: "10.0.0.3", Near: true}},
		"what cannot be read":     {"10.0.0.1:5", []string{cheat + ", unknown, 10.0.0.2"}, nil, peer.Peer{Address: "10.0.0.2", Near: true}},
		"with a port":             {"10.0.0.1:5", []string{"203.0.113.9:80"}, nil, peer.Peer{Address: "203.0.113.9", Near: true}},
		"IPv6":                    {"[fd00::1]:5", []string{"[2001:db8::1]:80"}, nil, peer.Peer{Address: "2001:db8::1", Near: true}},
		"IPv6 without a port":     {"[fd00::1]:5", []string{"2001:db8::1"}, nil, peer.Peer{Address: "2001:db8::1", Near: true}},
		"a proxy as IPv4 in IPv6": {"[::ffff:10.0.0.1]:5", []string{"::ffff:203.0.113.9"}, nil, peer.Peer{Address: "203.0.113.9", Near: true}},
		"no address":              {"@", []string{cheat}, []string{"https"}, peer.Peer{}},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = c.remote
		r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"] = c.forwarded, c.proto
		assert.Equal(t, c.want, ps.Of(r), name)
		assert.Equal(t, c.want, peer.From(peer.With(r, ps.Of(r))), name)
		assert.Equal(t, c.want.Address, peer.AddressIn(peer.With(r, ps.Of(r)).Context()), name)
		assert.Empty(t, peer.AddressIn(r.Context()), name)
		if !c.want.Secure {
			assert.NotEqual(t, cheat, peer.From(r).Address, "without a word of proxies nothing is believed")
		}
		r.TLS = &tls.ConnectionState{}
		assert.True(t, ps.Of(r).Secure, name)
	}
}

// Forwarded is read where the proxy does not write the older headers.
func TestForwarded(t *testing.T) {
	t.Parallel()
	ps, err := peer.ParseProxies("10.0.0.0/8")
	require.NoError(t, err)
	const proxy = "10.0.0.1:5"
	for name, c := range map[string]struct {
		remote  string
		headers http.Header
		want    peer.Peer
	}{
		"a proxy":               {proxy, http.Header{"Forwarded": {"for=203.0.113.9;proto=https;by=10.0.0.1"}}, peer.Peer{Address: "203.0.113.9", Secure: true, Near: true}},
		"any case, quoted":      {proxy, http.Header{"Forwarded": {`Proto="HTTPS" ; For="[2001:db8::1]:4711"`}}, peer.Peer{Address: "2001:db8::1", Secure: true, Near: true}},
		"what the client says":  {proxy, http.Header{"Forwarded": {"for=6.6.6.6;proto=https, for=203.0.113.9;proto=http"}}, peer.Peer{Address: "203.0.113.9", Near: true}},
		"in two headers":        {proxy, http.Header{"Forwarded": {"for=6.6.6.6;proto=https", "for=203.0.113.9"}}, peer.Peer{Address: "203.0.113.9", Near: true}},
		"two proxies":           {proxy, http.Header{"Forwarded": {"for=6.6.6.6,for=203.0.113.9, for=10.0.0.2;proto=https"}}, peer.Peer{Address: "203.0.113.9", Secure: true, Near: true}},
		"nobody is named":       {proxy, http.Header{"Forwarded": {"for=6.6.6.6, for=_hidden;proto=https"}}, peer.Peer{Address: "10.0.0.1", Secure: true, Near: true}},
		"only how it came":      {proxy, http.Header{"Forwarded": {"for=6.6.6.6, proto=https"}}, peer.Peer{Address: "10.0.0.1", Secure: true, Near: true}},
		"a quote left open":     {proxy, http.Header{"Forwarded": {`for="6.6.6.6, for=203.0.113.9`}}, peer.Peer{Address: "203.0.113.9", Near: true}},
		"a stranger who cheats": {"203.0.113.9:5", http.Header{"Forwarded": {"for=6.6.6.6;proto=https"}}, peer.Peer{Address: "203.0.113.9", Unheard: true}},
		"beside the older one":  {proxy, http.Header{"Forwarded": {"for=6.6.6.6;proto=https"}, "X-Forwarded-For": {"203.0.113.9"}}, peer.Peer{Address: "203.0.113.9", Near: true}},
		"beside half of it":     {proxy, http.Header{"Forwarded": {"for=6.6.6.6;proto=https"}, "X-Forwarded-Proto": {"http"}}, peer.Peer{Address: "10.0.0.1", Near: true}},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr, r.Header = c.remote, c.headers
		assert.Equal(t, c.want, ps.Of(r), name)
	}
}
