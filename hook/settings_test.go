package hook

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

func connection(host, password, extra string, port int) *connections.Connection {
	pw, ex := connections.Secret(password), connections.Secret(extra)
	c := &connections.Connection{ID: "ops", Host: &host, Password: &pw, Extra: &ex}
	if port != 0 {
		c.Port = &port
	}
	return c
}

func TestParseSettings(t *testing.T) {
	t.Parallel()
	plain := func(base, token string) settings {
		return settings{base: base, token: token, rate: 20, timeout: 10 * time.Second, network: network{connectTimeout: 5 * time.Second}}
	}
	with := func(change func(*settings)) settings {
		s := plain("https://oapi.dingtalk.com", "abc")
		change(&s)
		return s
	}
	for name, tt := range map[string]struct {
		host, password, extra string
		port                  int
		want                  settings
	}{
		"token only":                      {password: "abc", want: plain("https://oapi.dingtalk.com", "abc")},
		"token with blanks around":        {password: " abc\n", want: plain("https://oapi.dingtalk.com", "abc")},
		"no token":                        {want: plain("https://oapi.dingtalk.com", "")},
		"token goes as it is, as Airflow": {password: "a+b/c==", want: plain("https://oapi.dingtalk.com", "a+b/c==")},
		"token that would break a query":  {password: "a&b c#", want: plain("https://oapi.dingtalk.com", "a%26b+c%23")},
		"host without scheme":             {host: "ding.example.com", password: "abc", want: plain("https://ding.example.com", "abc")},
		"host with port, no scheme":       {host: "127.0.0.1:8099", password: "abc", want: plain("https://127.0.0.1:8099", "abc")},
		"host with slash at the end":      {host: "http://ding.example.com/", password: "abc", want: plain("http://ding.example.com", "abc")},
		"host with path":                  {host: "https://gw.example.com/ding/v1/", password: "abc", want: plain("https://gw.example.com/ding/v1", "abc")},
		"host with an escaped path":       {host: "https://gw.example.com/a%2Fb", password: "abc", want: plain("https://gw.example.com/a%2Fb", "abc")},
		"host with the robot's path":      {host: "https://gw.example.com/robot/send", password: "abc", want: plain("https://gw.example.com", "abc")},
		"port of a host":                  {host: "http://127.0.0.1", password: "abc", port: 8099, want: plain("http://127.0.0.1:8099", "abc")},
		"port beside a host with a port":  {host: "http://127.0.0.1:1", password: "abc", port: 2, want: plain("http://127.0.0.1:1", "abc")},
		"port without a host":             {password: "abc", port: 2, want: plain("https://oapi.dingtalk.com", "abc")},
		"webhook": {
			password: "https://oapi.dingtalk.com/robot/send?access_token=abc", want: plain("https://oapi.dingtalk.com", "abc"),
		},
		"webhook elsewhere, signed, escaped": {
			password: "http://127.0.0.1:9/p/robot/send?timestamp=1&sign=x%3D&access_token=a%2Bb", want: plain("http://127.0.0.1:9/p", "a%2Bb"),
		},
		"webhook beside a host": {
			host: "https://gw.example.com", password: "https://oapi.dingtalk.com/robot/send?access_token=abc",
			want: plain("https://gw.example.com", "abc"),
		},
		"secret":           {password: "abc", extra: `{"secret": " SEC1 "}`, want: with(func(s *settings) { s.secret = "SEC1" })},
		"timeout":          {password: "abc", extra: `{"timeout": 30}`, want: with(func(s *settings) { s.timeout = 30 * time.Second })},
		"timeout as text":  {password: "abc", extra: `{"timeout": "7.5"}`, want: with(func(s *settings) { s.timeout = 7500 * time.Millisecond })},
		"timeout duration": {password: "abc", extra: `{"timeout": "1m"}`, want: with(func(s *settings) { s.timeout = time.Minute })},
		"short timeout bounds connecting": {password: "abc", extra: `{"timeout": 2}`, want: with(func(s *settings) {
			s.timeout, s.network.connectTimeout = 2*time.Second, 2*time.Second
		})},
		"rate":           {password: "abc", extra: `{"rate": 40}`, want: with(func(s *settings) { s.rate = 40 })},
		"quota":          {password: "abc", extra: `{"quota": "5000"}`, want: with(func(s *settings) { s.quota = 5000 })},
		"rate as text":   {password: "abc", extra: `{"rate": " 5 "}`, want: with(func(s *settings) { s.rate = 5 })},
		"robots":         {password: "abc", extra: `{"robots": ["a", "b"]}`, want: with(func(s *settings) { s.robots = []string{"a", "b"} })},
		"robots as text": {password: "abc", extra: `{"robots": "[\"a\"]"}`, want: with(func(s *settings) { s.robots = []string{"a"} })},
		"proxy": {password: "abc", extra: `{"proxy": "proxy.example.com:3128"}`, want: with(func(s *settings) {
			s.network.proxy = "http://proxy.example.com:3128"
		})},
		"verify":               {password: "abc", extra: `{"verify": false}`, want: with(func(s *settings) { s.network.skipVerify = true })},
		"verify as text":       {password: "abc", extra: `{"verify": "False"}`, want: with(func(s *settings) { s.network.skipVerify = true })},
		"nulls and other keys": {password: "abc", extra: `{"secret": null, "timeout": null, "x": 1}`, want: with(func(*settings) {})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseSettings(connection(tt.host, tt.password, tt.extra, tt.port), DefaultBaseURL)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestParseSettingsErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ host, password, extra, want string }{
		"webhook without token":  {password: "https://oapi.dingtalk.com/robot/send?token=hidden", want: "the webhook address in the password has no access_token"},
		"webhook that is no URL": {password: "https://oapi dingtalk/%zz?access_token=hidden", want: "the password begins like a webhook address but cannot be read as a URL"},
		"host is no URL":         {host: "http://[hidden", want: "the host cannot be read as a URL"},
		"host with ftp":          {host: "ftp://files.example.com", want: "the host has the scheme ftp; use https or http"},
		"host without domain":    {host: "https:///hidden", want: "the host names no domain"},
		"host with credentials":  {host: "https://u:hidden@gw.example.com", want: "the host holds a user or password; DingTalk needs only the token in the password"},
		"webhook as host": {
			host: "https://oapi.dingtalk.com/robot/send?access_token=hidden",
			want: "the host has a query; put the whole webhook address into the password instead",
		},
		"extra is no JSON":   {extra: `secret=hidden`, want: "the extra is not a JSON object"},
		"extra is a list":    {extra: `["hidden"]`, want: "the extra is not a JSON object"},
		"secret is a number": {extra: `{"secret": 12345}`, want: "extra.secret must be a string"},
		"timeout zero":       {extra: `{"timeout": 0}`, want: `extra.timeout must be a number of seconds over 0, or a duration such as "30s"`},
		"timeout nonsense":   {extra: `{"timeout": "soon"}`, want: `extra.timeout must be a number of seconds over 0, or a duration such as "30s"`},
		"timeout endless":    {extra: `{"timeout": 1e300}`, want: `extra.timeout must be a number of seconds over 0, or a duration such as "30s"`},
		"proxy nonsense":     {extra: `{"proxy": "http://u:hidden@"}`, want: "extra.proxy must be a URL such as http://proxy.example.com:3128"},
		"proxy scheme":       {extra: `{"proxy": "ftp://p.example.com"}`, want: "extra.proxy has the scheme ftp; use http, https or socks5"},
		"verify nonsense":    {extra: `{"verify": "maybe"}`, want: "extra.verify must be true or false"},
		"all at once":        {extra: `{"verify": 1, "timeout": -1}`, want: "extra.timeout must be a number of seconds over 0, or a duration such as \"30s\"\nextra.verify must be true or false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseSettings(connection(tt.host, tt.password, tt.extra, 0), DefaultBaseURL)
			require.EqualError(t, err, tt.want)
		})
	}
}

// What is wrong with an extra is refused before it is stored, however it is written.
func TestCheckExtra(t *testing.T) {
	t.Parallel()
	check := func(typ, extra string) error {
		return CheckExtra(&connections.Connection{ID: "ops", Type: typ, Extra: new(connections.Secret(extra))})
	}
	require.NoError(t, CheckExtra(&connections.Connection{ID: "ops", Type: "dingding"}))
	for _, extra := range []string{
		``, `{}`, `{"quota": null}`, `{"quota": 1}`, `{"quota": "5000"}`, `{"x": []}`, `{"rate": "40", "timeout": "5s", "keyword": ["a"], "robots": ["b", "c"]}`,
	} {
		require.NoError(t, check("dingding", extra), extra)
	}
	for extra, want := range map[string]string{
		`{`:                         "the extra is not a JSON object",
		`{"rate": 0}`:               "extra.rate must be a whole number of messages a minute from 1 to 100000",
		`{"rate": 1.5}`:             "extra.rate must be",
		`{"rate": {"hidden": 1}}`:   "extra.rate must be",
		`{"timeout": "hidden"}`:     "extra.timeout must be a number of seconds over 0",
		`{"timeout": -1}`:           "extra.timeout must be",
		`{"keyword": 7}`:            "extra.keyword must be a text or a list of texts",
		`{"keyword": []}`:           "extra.keyword must be",
		`{"robots": {"hidden": 1}}`: "extra.robots must be a text or a list of texts, of connections",
		`{"robots": ["a", "ops"]}`:  "extra.robots names the connection itself",
		`{"robots": "[\"ops\"]"}`:   "extra.robots names the connection itself",
		`{"secret": 7}`:             "extra.secret must be a string",
	} {
		err := check("dingding", extra)
		require.ErrorContains(t, err, want, extra)
		require.NotContains(t, err.Error(), "hidden")
	}
	require.EqualError(t, check("dingding", `{"rate": 0, "keyword": 7}`),
		"extra.keyword must be a text or a list of texts, one of which each message must contain\nextra.rate must be a whole number of messages a minute from 1 to 100000")
	require.NoError(t, check("http", `{"quota": 0}`), "it is another one's")
	require.ErrorContains(t, check("dingding", `{"quota": 0}`), "which sends nothing")
	require.ErrorContains(t, check("dingtalk", `{"quota": "0"}`), "which sends nothing")
	require.ErrorContains(t, check("dingding", `{"quota": 1.5}`), "whole number")
}
