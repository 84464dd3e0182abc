package connections_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/connections"
)

func TestSensitiveName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"access_token", "api_key", "apikey", "authorization", "passphrase", "passwd", "password", "private_key",
		"secret", "token", "keyfile_dict", "service_account",
		"API_KEY", "my_apikey_2", "Authorization", "extra__google_cloud_platform__keyfile_dict", "SecretName",
	} {
		assert.True(t, connections.SensitiveName(name), name)
	}
	for _, name := range []string{"", "host", "key", "pass", "user", "api-key", "timeout"} {
		assert.False(t, connections.SensitiveName(name), name)
	}

	m := connections.NewMasker("Cookie", " session ", "")
	for name, want := range map[string]bool{"my_cookie": true, "SESSION": true, "token": true, "host": false} {
		assert.Equal(t, want, m.SensitiveName(name), name)
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		secrets    []string
		text, want string
	}{
		"no secrets":             {nil, "hello world", "hello world"},
		"nothing to mask":        {[]string{"s3cr3t"}, "s3cr3", "s3cr3"},
		"whole text":             {[]string{"s3cr3t"}, "s3cr3t", "***"},
		"everywhere":             {[]string{"s3cr3t"}, "s3cr3t a s3cr3ts3cr3t b", "*** a ****** b"},
		"several":                {[]string{"first", "second"}, "second first", "*** ***"},
		"longest first":          {[]string{"abcde", "abcdefgh"}, "abcdefghi", "***i"},
		"shorter when no longer": {[]string{"abcde", "abcdefgh"}, "abcdefgx", "***fgx"},
		"overlapping":            {[]string{"abcdef", "efghij", "ijklmn"}, "abcdefghijklmno", "***o"},
		"one inside another":     {[]string{"cdefg", "abcdefghij"}, "abcdefghij", "***"},
		"same beginning":         {[]string{"token1", "token2"}, "token3 token2", "token3 ***"},
		"percent-quoted":         {[]string{"a/b c+d="}, "x=a%2Fb%20c%2Bd%3D&y", "x=***&y"},
		"quoted as a path":       {[]string{"a/b c+d="}, "x=a/b%20c%2Bd%3D&y=a/b%20c%2bd%3d", "x=***&y=***"},
		"form-quoted":            {[]string{"a/b c+d="}, "x=a%2Fb+c%2Bd%3D&y", "x=***&y"},
		"as net/url quotes":      {[]string{"a/b c+d="}, "/" + url.PathEscape("a/b c+d=") + "/", "/***/"},
		"escaped in JSON":        {[]string{`pa"ss\word`}, `{"a":"pa\"ss\\word"}`, `{"a":"***"}`},
		"escaped by Go's JSON":   {[]string{`pass<word&`}, `{"a":"pass\u003cword\u0026"}`, `{"a":"***"}`},
		"escaped by Python's":    {[]string{"密码很长的😀"}, `\u5bc6\u7801\u5f88\u957f\u7684\ud83d\ude00`, "***"},
		"escaped for markup":     {[]string{`pa"ss&word`}, "pa&#34;ss&amp;word", "***"},
		"quoted in lower case":   {[]string{"a/b c+d="}, "x=a%2fb%20c%2bd%3d&y", "x=***&y"},
		"in base64":              {[]string{"s3cr3t-w0rd"}, "czNjcjN0LXcwcmQ=", "***Q="},
		"within base64":          {[]string{"s3cr3t-w0rd"}, "dXNlcjpzM2NyM3QtdzByZDt4 YTpzM2NyM3QtdzByZDt4 dXM6czNjcjN0LXcwcmQ7eA==", "dXNlcjp***Dt4 YTp***Dt4 dXM6***Q7eA=="},
		"cut off":                {[]string{"abcdefgh", "abcde"}, "abcdefg… abcdefg... abcd… abcdefg abcdeX", "***… ***... abcd… ***fg ***X"},
		"behind a scheme":        {[]string{"Bearer t0ken-value", "Basic dXNlcjpwYXNzd29yZDE="}, "t0ken-value password1 Bearer", "*** *** Bearer"},
		"cookies":                {[]string{"sid=value-one; lang=value-two"}, "value-one value-two sid lang", "*** *** sid lang"},
		"not ASCII":              {[]string{"密码很长的"}, "x密码很长的y", "x***y"},
		"case matters":           {[]string{"s3cr3t"}, "S3CR3T", "S3CR3T"},
		"four characters":        {[]string{"four"}, "four", "four"},
		"four wide characters":   {[]string{"密码很长"}, "密码很长 %E5%AF%86%E7%A0%81%E5%BE%88%E9%95%BF", "密码很长 %E5%AF%86%E7%A0%81%E5%BE%88%E9%95%BF"},
		"five characters":        {[]string{"fiver"}, "fiver", "***"},
		"the word airflow":       {[]string{"airflow", "AirFlow"}, "airflow AirFlow", "airflow AirFlow"},
		"empty":                  {[]string{""}, "abc", "abc"},
		"lines of a key":         {[]string{"-----BEGIN\r\nMIIEabc\nx\n"}, "-----BEGIN\nMIIEabc\nx", "***\n***\nx"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := connections.NewMasker()
			m.Add(tt.secrets...)
			assert.Equal(t, tt.want, m.Mask(tt.text))
		})
	}
}

func TestMaskLeavesNoSecret(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.StringOfN(rapid.RuneFrom([]rune("ab/ ")), 5, 8, -1)
		secrets := rapid.SliceOfN(piece, 1, 4).Draw(t, "secrets")
		plain := rapid.StringOf(rapid.RuneFrom([]rune("ab/ xy")))
		text := plain.Draw(t, "before") + rapid.SampledFrom(secrets).Draw(t, "secret") + plain.Draw(t, "after")
		m := connections.NewMasker()
		m.Add(secrets...)
		got := m.Mask(text)
		for _, secret := range secrets {
			if strings.Contains(got, secret) {
				t.Fatalf("%q shows %q", got, secret)
			}
		}
	})
}

func TestAddConnection(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		c          *connections.Connection
		text, want string
	}{
		"password": {conn("t", password("pass/word")), "pass/word pass%2Fword", "*** ***"},
		"login, host and schema stay": {
			conn("t", login("my_login"), host("my_host"), schema("my_schema")),
			"my_login my_host my_schema", "my_login my_host my_schema",
		},
		"basic authentication": {
			conn("t", login("user"), password("s3cr3t-w0rd")), "Authorization: Basic dXNlcjpzM2NyM3QtdzByZA== dXNlcjpzM2NyM3QtdzByZA", "Authorization: Basic *** ***",
		},
		"every other name in the extra": {
			conn("http", extra(`{"X-Api-Key": "value-one", "o": {"port": 55555}, "Cookie": ["value-two"], "Accept": "value-three", "flag": "false"}`)),
			"value-one 55555 value-two value-three false", "*** *** *** value-three false",
		},
		"sensitive names in the extra": {
			conn("t", extra(`{"secret": "SECabc", "my_Api_Key": 123456, "timeout": 98765, "region": "hangzhou"}`)),
			"SECabc 123456 98765 hangzhou", "*** *** 98765 hangzhou",
		},
		"nested in the extra": {
			conn("t", extra(`{"a": [{"b": {"c": {"d": {"e": {"f": {"token": "deep-token"}}}}}}]}`)),
			"deep-token", "***",
		},
		"all below a sensitive name": {
			conn("t", extra(`{"keyfile_dict": {"id": "my-id", "keys": ["key-one"]}}`)),
			"my-id key-one", "*** ***",
		},
		"names are not masked": {conn("t", extra(`{"my_token": "value"}`)), "my_token value", "my_token ***"},
		"webhook URL as password": {
			conn("dingding", password("https://oapi.dingtalk.com/robot/send?access_token=abc123def&lang=zh_CN_x")),
			"token abc123def to https://oapi.dingtalk.com/robot/send in zh_CN_x",
			"token *** to https://oapi.dingtalk.com/robot/send in zh_CN_x",
		},
		"webhook URL as host": {
			conn("dingding", host("https://oapi.dingtalk.com/robot/send?access_token=a%2Bb+c%2Fd")),
			"a%2Bb+c%2Fd and a+b c/d", "*** and ***",
		},
		"webhook URL in the extra": {
			conn("dingding", extra(`{"url": "https://h/robot/send?x=1&access_token=abc123def"}`)), "abc123def", "***",
		},
		"proxy password in the extra": {conn("t", extra(`{"proxy": "http://user:proxy-pw@h:1"}`)), "user proxy-pw", "user ***"},
		"broken extra":                {conn("t", extra(`{"secret: SECabc`)), `bad {"secret: SECabc`, "bad ***"},
		"nothing":                     {conn("t"), "hello", "hello"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := connections.NewMasker()
			m.AddConnection(tt.c)
			assert.Equal(t, tt.want, m.Mask(tt.text))
		})
	}
}

func TestMaskerOwnNamesReachTheExtra(t *testing.T) {
	t.Parallel()
	m := connections.NewMasker("cookie")
	m.AddConnection(conn("t", extra(`{"Cookie": "value-one", "host": "value-two"}`)))
	assert.Equal(t, "*** value-two", m.Mask("value-one value-two"))
}

func TestMasking(t *testing.T) {
	t.Parallel()
	m := connections.NewMasker()
	held := conn("t", password("s3cr3t"))
	source := connections.Masking(fake{conns: map[string]*connections.Connection{"x": held}}, m)

	_, err := source.Connection(t.Context(), "y")
	require.ErrorIs(t, err, connections.ErrNotFound)
	assert.Equal(t, "s3cr3t", m.Mask("s3cr3t"))

	c, err := source.Connection(t.Context(), "x")
	require.NoError(t, err)
	assert.Same(t, held, c)
	assert.Equal(t, "***", m.Mask("s3cr3t"))
}

func TestMaskingVariables(t *testing.T) {
	t.Parallel()
	m := connections.NewMasker()
	source := connections.MaskingVariables(fake{vars: map[string]string{"my_token": "value-one", "region": "value-two"}}, m)
	for _, key := range []string{"my_token", "region"} {
		_, err := source.Variable(t.Context(), key)
		require.NoError(t, err)
	}
	_, err := source.Variable(t.Context(), "other_token")
	require.ErrorIs(t, err, connections.ErrNotFound)
	assert.Equal(t, "*** value-two", m.Mask("value-one value-two"))
}

func TestMaskerConcurrently(t *testing.T) {
	t.Parallel()
	m := connections.NewMasker()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				secret := fmt.Sprintf("secret-%d-%d.", i, j)
				m.Add(secret)
				assert.Equal(t, "***", m.Mask(secret))
			}
		})
	}
	wg.Wait()
}

func BenchmarkMask(b *testing.B) {
	m := connections.NewMasker()
	for i := range 100 {
		m.AddConnection(conn("t", password(fmt.Sprintf("%x-pass/word-%d", i*7919, i)), extra(fmt.Sprintf(`{"secret":"SEC%d%d"}`, i, i))))
	}
	line := "2026-01-31 08:00:00 INFO task finished dag_id=example_daily_report run_id=scheduled__2026-01-30T08:00:00+08:00 " +
		"task_id=send_report try_number=1 duration=1.25s"
	for name, text := range map[string]string{"nothing": line, "one secret": line + " SEC5050"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				m.Mask(text)
			}
		})
	}
}
