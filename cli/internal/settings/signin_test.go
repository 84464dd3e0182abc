package settings_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/web/peer"
)

// load reads a configuration file with variables.
func load(t *testing.T, file string, env map[string]string) (*settings.Config, error) {
	t.Helper()
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, "dingdag.yaml"), []byte(file), 0o600))
	return settings.Load(show.IO{LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}, map[string]string{settings.HomeKey: home})
}

func TestWhereItListens(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file      string
		env       map[string]string
		listen    string
		byDefault bool
	}{
		"default":       {"", nil, "127.0.0.1:8080", true},
		"the same":      {"listen: 127.0.0.1:8080", nil, "127.0.0.1:8080", false},
		"off":           {`listen: "off"`, nil, "", false},
		"off of YAML":   {"listen: off", nil, "", false},
		"a variable":    {"listen: off", map[string]string{"DINGDAG_LISTEN": ":80"}, ":80", false},
		"an empty one":  {"listen: off", map[string]string{"DINGDAG_LISTEN": ""}, "", false},
		"any free port": {"listen: 127.0.0.1:0", nil, "127.0.0.1:0", false},
	} {
		got, err := load(t, c.file, c.env)
		require.NoError(t, err, name)
		assert.Equal(t, c.listen, got.Listen, name)
		assert.Equal(t, c.byDefault, got.ListenByDefault, name)
	}
	for _, bad := range []string{`listen: ""`, "listen: on", "listen: 8080"} {
		_, err := load(t, bad, nil)
		require.ErrorContains(t, err, "must be an IP address and a port, such as 127.0.0.1:8080, or off", bad)
	}
}

func TestProxies(t *testing.T) {
	t.Parallel()
	want := peer.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")}
	for _, file := range []string{"trusted_proxies: [10.0.0.0/8, 192.0.2.1]", "trusted_proxies: 10.0.0.0/8, 192.0.2.1"} {
		got, err := load(t, file, nil)
		require.NoError(t, err)
		assert.Equal(t, want, got.TrustedProxies)
	}
	for bad, why := range map[string]string{
		"trusted_proxies: {a: b}": "must be a list of addresses and networks", "trusted_proxies: [[]]": "line 1: an entry must be an address", "trusted_proxies: [proxy]": `"proxy": must be an IP address or a network`,
	} {
		_, err := load(t, bad, nil)
		require.ErrorContains(t, err, why)
		require.ErrorContains(t, err, "trusted_proxies: ")
	}
}

func TestOIDC(t *testing.T) {
	t.Parallel()
	got, err := load(t, `
oidc:
  issuer: https://id.example.com
  client_id: dingdag
  viewers: ["*"]
  admins: platform, email=ann@example.com
  dags:
    etl: [tag:etl, "owner:a, b"]
    "*": tag:public
`, map[string]string{"DINGDAG_OIDC_CLIENT_SECRET": "s3cret"})
	require.NoError(t, err)
	assert.Equal(t, settings.OIDC{
		Issuer: "https://id.example.com", ClientID: "dingdag", Secret: "s3cret", GroupsClaim: "groups", Viewers: []string{"*"}, Admins: []string{"platform", "email=ann@example.com"},
		DAGs: map[string][]string{"etl": {"tag:etl", "owner:a, b"}, "*": {"tag:public"}},
	}, got.OIDC)
	got, err = load(t, "oidc: {issuer: https://id.example.com}", map[string]string{"DINGDAG_OIDC_DAGS": "{etl: [tag:etl]}"})
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{"etl": {"tag:etl"}}, got.OIDC.DAGs)
	for bad, why := range map[string]string{
		"oidc: {client_id: x}":                                  "settings of oidc have no effect without oidc.issuer",
		"oidc: {issuer: i, dags: [a]}":                          "must be a mapping, such as {etl-team: [tag:etl]}",
		"oidc: {issuer: i, dags: {a: {b: c}}}":                  "a: must be a list of texts",
		"oidc: {issuer: i, isuer: x}":                           `unknown setting "oidc.isuer"`,
		"oidc: {issuer: i, conn_id: c, client_id: x}":           "both say what the client is",
		"oidc: {issuer: i, conn_id: c, client_secret: hunter2}": "all say what the secret is",
	} {
		_, err := load(t, bad, nil)
		require.ErrorContains(t, err, why, bad)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}
