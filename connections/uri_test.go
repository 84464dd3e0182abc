package connections_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/connections"
)

// conn shortens the tables: host and schema are "" unless set, as a URI gives them.
func conn(connType string, set ...func(*connections.Connection)) *connections.Connection {
	c := &connections.Connection{ID: "id", Type: connType, Host: new(""), Schema: new("")}
	for _, f := range set {
		f(c)
	}
	return c
}

type option = func(*connections.Connection)

func host(s string) option     { return func(c *connections.Connection) { c.Host = &s } }
func login(s string) option    { return func(c *connections.Connection) { c.Login = &s } }
func password(s string) option { return func(c *connections.Connection) { c.Password = secret(s) } }
func schema(s string) option   { return func(c *connections.Connection) { c.Schema = &s } }
func port(n int) option        { return func(c *connections.Connection) { c.Port = &n } }
func extra(s string) option    { return func(c *connections.Connection) { c.Extra = secret(s) } }

func TestParseURI(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		uri  string
		want *connections.Connection
	}{
		"whole": {
			"conn-type://login:password@host:1234/schema?key=value&key2=value2",
			conn("conn_type", login("login"), password("password"), host("host"), port(1234), schema("schema"),
				extra(`{"key":"value","key2":"value2"}`)),
		},
		"surrounding space": {" http://host\n", conn("http", host("host"))},
		"type in capitals":  {"HTTP://host", conn("http", host("host"))},
		"postgresql":        {"postgresql://host", conn("postgres", host("host"))},

		"percent-decoding": {
			"t://lo%40gin:pass%2Fword@ho%2Fst/sche%3Ama",
			conn("t", login("lo@gin"), password("pass/word"), host("ho/st"), schema("sche:ma")),
		},
		"plus is no space outside of the query": {
			"t://a+b:c+d@e+f/g+h",
			conn("t", login("a+b"), password("c+d"), host("e+f"), schema("g+h")),
		},
		"lone percent sign stays": {"t://u:100%25%zz%@h", conn("t", login("u"), password("100%%zz%"), host("h"))},
		"at sign in the password": {"t://u:p@ss@h", conn("t", login("u"), password("p@ss"), host("h"))},
		"colon in the password":   {"t://u:p:w@h", conn("t", login("u"), password("p:w"), host("h"))},

		"spaces in the query":       {"t://h/?a=b+c&d=e%20f&g=h%2Bi", conn("t", host("h"), extra(`{"a":"b c","d":"e f","g":"h+i"}`))},
		"blank value":               {"t://h?a=&b", conn("t", host("h"), extra(`{"a":"","b":""}`))},
		"duplicate key":             {"t://h?a=1&b=2&a=3", conn("t", host("h"), extra(`{"a":"3","b":"2"}`))},
		"values are text":           {"t://h?a=1&b=true&c=null", conn("t", host("h"), extra(`{"a":"1","b":"true","c":"null"}`))},
		"empty query":               {"t://h?", conn("t", host("h"))},
		"query without a pair":      {"t://h?&", conn("t", host("h"), extra(`{}`))},
		"extra as JSON":             {"t://h?__extra__=%7B%22a%22%3A+%7B%22b%22%3A+1%7D%7D", conn("t", host("h"), extra(`{"a": {"b": 1}}`))},
		"extra as JSON beside keys": {"t://h?x=y&__extra__=%7B%7D&z=1", conn("t", host("h"), extra(`{}`))},
		"blank extra":               {"t://h?__extra__=&x=y", conn("t", host("h"))},
		"markup in a value":         {"t://h?a=%3Cb%3E%26", conn("t", host("h"), extra(`{"a":"<b>&"}`))},
		"URL in a value":            {"t://h/?webhook=https://x/y", conn("t", host("h"), extra(`{"webhook":"https://x/y"}`))},

		"no path":            {"t://host", conn("t", host("host"))},
		"path of one slash":  {"t://host/", conn("t", host("host"))},
		"path with slashes":  {"t://host/a/b", conn("t", host("host"), schema("a/b"))},
		"nothing":            {"t://", conn("t")},
		"no host":            {"t://u:p@/s", conn("t", login("u"), password("p"), schema("s"))},
		"no userinfo":        {"t://host:80", conn("t", host("host"), port(80))},
		"empty userinfo":     {"t://@host", conn("t", host("host"), login(""))},
		"empty password":     {"t://user:@host", conn("t", host("host"), login("user"))},
		"login only":         {"t://user@host", conn("t", host("host"), login("user"))},
		"password only":      {"t://:pw@host", conn("t", host("host"), login(""), password("pw"))},
		"port only":          {"t://@:1234", conn("t", login(""), port(1234))},
		"empty port":         {"t://host:/s", conn("t", host("host"), schema("s"))},
		"port 0":             {"t://host:0", conn("t", host("host"), port(0))},
		"highest port":       {"t://host:65535", conn("t", host("host"), port(65535))},
		"IPv6":               {"t://[FE80::1]:80", conn("t", host("fe80::1"), port(80))},
		"IPv6 without port":  {"t://[::1]", conn("t", host("::1"))},
		"fragment":           {"t://host/s?a=b#c?d", conn("t", host("host"), schema("s"), extra(`{"a":"b"}`))},
		"scheme-relative":    {"//abc", conn("", host("abc"))},
		"query without path": {"t://host?a=b", conn("t", host("host"), extra(`{"a":"b"}`))},

		"host in capitals":           {"t://MyHost.Example", conn("t", host("myhost.example"))},
		"path as host keeps case":    {"t://u@%2FTmP%2F:1234", conn("t", login("u"), host("/TmP/"), port(1234))},
		"host keeps case behind a %": {"t://%4DyHost", conn("t", host("MyHost"))},

		"nested protocol": {
			"spark://k8s://1.2.3.4:443?x=y",
			conn("spark", host("k8s://1.2.3.4"), port(443), extra(`{"x":"y"}`)),
		},
		"nested protocol with credentials": {
			"t://https://u:p@h/s",
			conn("t", login("u"), password("p"), host("https://h"), schema("s")),
		},
		"nested protocol the same as the type": {"http://http://h", conn("http", host("http://h"))},
		"nested protocol in capitals":          {"t://HTTPS://h%2FRobot", conn("t", host("https://h/Robot"))},
		"nested protocol without a host":       {"t://https://", conn("t")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := connections.ParseURI("id", tt.uri)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseURIErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ uri, want string }{
		"three protocols":             {"a://b://c://s3cr3t", `more than two "://"`},
		"userinfo before the inner":   {"t://u:s3cr3t@https://h", "login and password belong after it"},
		"colon before the inner":      {"t://s3cr3t:x://h", "login and password belong after it"},
		"inner protocol no scheme":    {"t://s3cr3t_x://h", "not a scheme"},
		"port too high":               {"t://h:65536", "port is not a number between 0 and 65535"},
		"negative port":               {"t://h:-1", "port is not a number"},
		"signed port":                 {"t://h:+1", "port is not a number"},
		"slash in the password":       {"t://u:s3cr3t/x@h", "escape / ? # @ and :"},
		"hash in the password":        {"t://u:s3cr3t#x@h", "escape / ? # @ and :"},
		"IPv6 not closed":             {"t://[::1", "want an IPv6 address as [address]:port"},
		"text behind IPv6":            {"t://[::1]s3cr3t", "want an IPv6 address as [address]:port"},
		"underscore in the scheme":    {"my_type://h", `write "my-type://" for the connection type "my_type"`},
		"odd scheme":                  {"s3cr3t@x://h", `the text before "://" is not a connection type`},
		"empty scheme":                {"://h", `the text before "://" is not a connection type`},
		"no scheme":                   {"s3cr3t", `no "://" in the URI`},
		"empty":                       {"", `no "://" in the URI`},
		"control character":           {"t://u:s3c\nr3t@h", "control characters"},
		"raw bytes":                   {"t://u:\xff@h", "not UTF-8"},
		"login escapes no UTF-8":      {"t://%ff@h", "login: percent-escapes do not make UTF-8 text"},
		"password escapes no UTF-8":   {"t://u:s3cr3t%ff@h", "password: percent-escapes"},
		"host escapes no UTF-8":       {"t://%ff", "host: percent-escapes"},
		"schema escapes no UTF-8":     {"t://h/%ff", "schema: percent-escapes"},
		"query key escapes no UTF-8":  {"t://h?%ff=s3cr3t", "query: percent-escapes"},
		"query text escapes no UTF-8": {"t://h?a=s3cr3t%ff", "query: percent-escapes"},
		"extra no object":             {"t://h?__extra__=[1]", "extra: not a JSON object but a JSON array"},
		"extra no JSON":               {"t://h?__extra__=s3cr3t", "extra: JSON syntax error"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connections.ParseURI("id", tt.uri)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, `connection "id"`)
			assert.NotContains(t, err.Error(), "s3cr3t")
		})
	}
}

func TestURI(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		c    *connections.Connection
		want string
	}{
		"whole": {
			conn("dingding", login("l"), password("p"), host("h"), port(1), schema("s"), extra(`{"a":"b"}`)),
			"dingding://l:p@h:1/s?a=b",
		},
		"nothing":                 {&connections.Connection{}, "//"},
		"scheme":                  {conn("Google_Cloud"), "google-cloud://"},
		"no type":                 {conn("", host("h")), "//h"},
		"host with protocol":      {conn("t", host("https://h"), login("user"), password("pw")), "t://https://user:pw@h"},
		"protocol, path and port": {conn("t", host("https://h:1/p")), "t://https://h%3A1%2Fp"},
		"protocol without a type": {conn("", host("https://h")), "//https%3A%2F%2Fh"},
		"protocol without a host": {conn("t", host("https://")), "t://https%3A%2F%2F"},
		"no protocol":             {conn("t", host("a b://c")), "t://a%20b%3A%2F%2Fc"},
		"escaping": {
			conn("t", login("a/b c"), password("d@e:f+"), host("g/h"), schema("i/j?")),
			"t://a%2Fb%20c:d%40e%3Af%2B@g%2Fh/i%2Fj%3F",
		},
		"unescaped":             {conn("t", host("a-b_c.d~e9")), "t://a-b_c.d~e9"},
		"not ASCII":             {conn("t", host("钉")), "t://%E9%92%89"},
		"host in capitals":      {conn("t", host("my-Host.X")), "t://my-Host.X"},
		"path in capitals":      {conn("t", host("/TmP/")), "t://%2FTmP%2F"},
		"login only":            {conn("t", login("l"), host("h")), "t://l@h"},
		"empty login":           {conn("t", login(""), host("h")), "t://h"},
		"password only":         {conn("t", password("p"), host("h")), "t://:p@h"},
		"empty password":        {conn("t", password(""), host("h")), "t://h"},
		"port only":             {conn("t", port(1234)), "t://@:1234"},
		"port and userinfo":     {conn("t", login("l"), port(1234)), "t://l@:1234"},
		"port 0":                {conn("t", host("h"), port(0)), "t://h"},
		"empty schema":          {conn("t", host("h"), schema("")), "t://h"},
		"extra with schema":     {conn("t", schema("s"), extra(`{"a": "b c", "z": "ü&"}`)), "t:///s?a=b+c&z=%C3%BC%26"},
		"extra without schema":  {conn("t", host("h"), extra(`{"b":"1","a":""}`)), "t://h/?b=1&a="},
		"number in the extra":   {conn("t", host("h"), extra(`{"a": 1}`)), "t://h/?__extra__=%7B%22a%22%3A+1%7D"},
		"nested extra":          {conn("t", schema("s"), extra(`{"a":{}}`)), "t:///s?__extra__=%7B%22a%22%3A%7B%7D%7D"},
		"empty object":          {conn("t", host("h"), extra(`{}`)), "t://h/?__extra__=%7B%7D"},
		"empty extra":           {conn("t", host("h"), extra(``)), "t://h"},
		"key __extra__":         {conn("t", host("h"), extra(`{"__extra__":"x"}`)), "t://h/?__extra__=%7B%22__extra__%22%3A%22x%22%7D"},
		"extra that is no JSON": {conn("t", host("h"), extra(`{"a":"b"`)), "t://h/?__extra__=%7B%22a%22%3A%22b%22"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, tt.c.URI())
		})
	}
}

// TestURIRoundTrip draws connections of any text and reads back what was written.
func TestURIRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := anyConnection().Draw(t, "connection")
		got, err := connections.ParseURI(c.ID, c.URI())
		if err != nil {
			t.Fatalf("parse %s: %v", c.URI(), err)
		}
		assertSame(t, whatURISays(c), got)
	})
}

// whatURISays is c without what the form cannot say.
func whatURISays(c *connections.Connection) *connections.Connection {
	said := *c
	said.Type = connections.NormalizeType(strings.ToLower(strings.ReplaceAll(c.Type, "_", "-")))
	said.Description = nil
	said.Host, said.Schema = new(c.GetHost()), new(c.GetSchema())
	if c.GetPort() == 0 {
		said.Port = nil
	}
	if c.GetPassword() == "" {
		said.Password = nil
	}
	said.Login = new(c.GetLogin())
	lonePort := said.Port != nil && *said.Host == ""
	if *said.Login == "" && said.Password == nil && !lonePort {
		said.Login = nil
	}
	return &said
}

func anyConnection() *rapid.Generator[*connections.Connection] {
	return rapid.Custom(func(t *rapid.T) *connections.Connection {
		text := rapid.Ptr(rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("aB9 %/:@?#+&=[]é\n")))), true)
		hosts := rapid.OneOf(text, rapid.Ptr(rapid.StringMatching(`[a-zA-Z0-9]{1,3}://[a-zA-Z0-9.:/@%]{0,9}`), false))
		secrets := rapid.Ptr(rapid.Map(rapid.String(), func(s string) connections.Secret { return connections.Secret(s) }), true)
		return &connections.Connection{
			ID:          rapid.StringMatching(`[\w#!()\-.:/\\]{1,20}`).Draw(t, "id"),
			Type:        rapid.OneOf(rapid.StringMatching(`([a-zA-Z][a-zA-Z0-9.+_-]{0,9})?`), rapid.Just("postgresql")).Draw(t, "type"),
			Description: text.Draw(t, "description"),
			Host:        hosts.Draw(t, "host"),
			Login:       text.Draw(t, "login"),
			Password:    secrets.Draw(t, "password"),
			Schema:      text.Draw(t, "schema"),
			Port:        rapid.Ptr(rapid.IntRange(0, 65535), true).Draw(t, "port"),
			Extra:       anyExtra().Draw(t, "extra"),
		}
	})
}

func anyExtra() *rapid.Generator[*connections.Secret] {
	value := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Int(), func(n int) any { return n }),
		rapid.Map(rapid.SliceOfN(rapid.String(), 0, 2), func(s []string) any { return s }),
	)
	keys := rapid.OneOf(rapid.String(), rapid.Just("__extra__"))
	texts := rapid.Map(rapid.MapOfN(keys, rapid.String(), 0, 3), func(m map[string]string) any { return m })
	mixed := rapid.Map(rapid.MapOfN(keys, value, 0, 3), func(m map[string]any) any { return m })
	object := rapid.Map(rapid.OneOf(texts, mixed), func(m any) connections.Secret {
		text, err := json.Marshal(m)
		if err != nil {
			panic(err)
		}
		return connections.Secret(text)
	})
	return rapid.Ptr(object, true)
}

// assertSame compares two connections, their extras by what they mean.
func assertSame(t require.TestingT, want, got *connections.Connection) {
	wantExtra, err := want.ExtraMap()
	require.NoError(t, err)
	gotExtra, err := got.ExtraMap()
	require.NoError(t, err)
	require.Equal(t, wantExtra, gotExtra)

	w, g := *want, *got
	w.Extra, g.Extra = nil, nil
	// A URI is written with the capitals of a host and read without them.
	w.Host, g.Host = new(strings.ToLower(w.GetHost())), new(strings.ToLower(g.GetHost()))
	require.Equal(t, &w, &g)
}

func FuzzParseURI(f *testing.F) {
	for _, seed := range []string{
		"conn-type://login:password@host:1234/schema?key=value", "spark://k8s://1.2.3.4:443?x=y", "//abc",
		"t://u@%2FTmP%2F:1", "t://h?__extra__=%7B%7D", "t://[::1]:80", "t://%4DyHost", "t://@:0", "t://https://",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		c, err := connections.ParseURI("id", uri)
		if err != nil {
			return
		}
		require.NoError(t, c.Validate())
		again, err := connections.ParseURI("id", c.URI())
		require.NoError(t, err, c.URI())
		assertSame(t, whatURISays(c), again)
	})
}
