package dagfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// literal is the secret of these tests, which no message may show.
const literal = "h0nter2-h0nter2"

func TestLiteralSecretsAreWarnedAbout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, keys, want string }{
		{"password", "env: {DB_PASSWORD: SECRET}", "6:26: warning: dag \"a\", task \"t\": DB_PASSWORD holds a secret in plain text: put it into a connection"},
		{"passwd", "env: {passwd: SECRET}", "passwd holds a secret"},
		{"token", "env: {API_TOKEN: SECRET}", "API_TOKEN holds a secret"},
		{"secret", "env: {client-secret: SECRET}", "client-secret holds a secret"},
		{"authorization header", "env: {Authorization: Bearer SECRET}", "Authorization holds a secret"},
		{"proxy header", "env: {Proxy-Authorization: Basic SECRET}", "Proxy-Authorization holds a secret"},
		{"API key", "env: {X-Api-Key: SECRET}", "X-Api-Key holds a secret"},
		{"API key in one word", "env: {apikey: SECRET}", "apikey holds a secret"},
		{"access key", "env: {AWS_ACCESS_KEY: SECRET}", "AWS_ACCESS_KEY holds a secret"},
		{"camel case", "env: {appSecret: SECRET}", "appSecret holds a secret"},
		{"in a list", "env: {tokens: [x], token: [SECRET]}", "token holds a secret"},
		{"deeper", "env: {a: {b: {password: SECRET}}}", "password holds a secret"},
		{"DingTalk's webhook", "cwd: https://oapi.dingtalk.com/robot/send?access_token=SECRET", "cwd holds a URL with a token"},
		{"in a command", "cwd: curl 'https://oapi.dingtalk.com/robot/send?access_token=SECRET' -d 1", "cwd holds a URL with a token"},
		{"Slack's webhook", "cwd: https://hooks.slack.com/services/T0/B0/SECRET", "cwd holds a URL with a token"},
		{"Discord's webhook", "cwd: https://discord.com/api/webhooks/123/SECRET", "cwd holds a URL with a token"},
		{"Feishu's webhook", "cwd: https://open.feishu.cn/open-apis/bot/v2/hook/SECRET", "cwd holds a URL with a token"},
		{"WeCom's webhook", "cwd: https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=SECRET", "cwd holds a URL with a token"},
		{"password of a URL", "cwd: postgres://me:SECRET@db/x", "cwd holds a URL with a token"},
		{"in a callback", "on_failure_callback: {callback: dingding, message: {access_token: SECRET}}", "access_token holds a secret"},
		{"in a param", "params: {password: SECRET}", "password holds a secret"},
		{"in a typed param", "params: {password: {__type__: airflow.sdk.Param, default: SECRET}}", "password holds a secret"},
		{"in a typed param by place", "params: {password: {__type__: airflow.sdk.Param, __args__: [SECRET]}}", "password holds a secret"},

		{"template", `env: {TOKEN: "{{ conn.x.password }}"}`, ""},
		{"name of an environment variable", "env: {TOKEN: $TOKEN, PASSWORD: '${PASSWORD}'}", ""},
		{"empty", `env: {TOKEN: "", PASSWORD: }`, ""},
		{"another key", "env: {TOKENS_PER_SECOND: many, KEYBOARD: qwerty, token_url: https://example.org/token}", ""},
		{"URL without a token", "cwd: https://example.org:8080/send?page=1&keyword=x@y", ""},
		{"shell variable in a URL", "cwd: https://example.org/send?token=$TOKEN&key={{ var.value.x }}", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dags, found := parseText(withTask("      " + strings.ReplaceAll(c.keys, "SECRET", literal)))
			require.Len(t, dags, 1, found.String())
			if c.want == "" {
				assert.Empty(t, found.String())
				return
			}
			require.Len(t, found, 1, found.String())
			assert.Contains(t, found.String(), c.want)
			assert.NotContains(t, found.String(), "h0nter2")
		})
	}
}

func TestMacrosAndDAGParamsAreLookedThrough(t *testing.T) {
	t.Parallel()
	_, found := parseText(oneTask("  params: {api_key: " + literal + "}"))
	assert.Equal(t, "dags/a.yaml:2:21: warning: dag \"a\": api_key holds a secret in plain text: put it into a connection\n", found.String())
}

// withEnv parses with environment variables and returns what was told to be secret.
func withEnv(text string, env map[string]string) (dags []*dag.DAG, found dag.Diagnostics, secrets []string) {
	opts := testOptions()
	opts.LookupEnv = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	opts.Secret = func(value string) { secrets = append(secrets, value) }
	dags, found = Parse("dags/a.yaml", []byte(text), newFakeCatalog(), opts)
	return dags, found, secrets
}

func TestEnvironmentVariables(t *testing.T) {
	t.Parallel()
	env := map[string]string{"N": "3", "TEXT": "x: [y", "EMPTY": "", "WORD": "yes", "KEY_NAME": "A", "1": "digit"}
	for _, c := range []struct{ name, value, want string }{
		{"name", "$TEXT", "x: [y"},
		{"in braces", "a${TEXT}b", "ax: [yb"},
		{"digits are a name", `"$1"`, "digit"},
		{"not set", "$UNSET and ${UNSET}", "$UNSET and ${UNSET}"},
		{"no escape", "$$N", "$3"},
		{"quoted stays text", `"$N"`, "3"},
		{"empty value", `"[$EMPTY]"`, "[]"},
		{"value is not expanded again", `"$N$N"`, "33"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dags, found, _ := withEnv(withTask("      cwd: "+c.value), env)
			require.Len(t, dags, 1, found.String())
			assert.Equal(t, c.want, arg(dags[0].Tasks[0], "cwd"))
		})
	}
	dags, found, _ := withEnv(withTask("      retries: $N\n      depends_on_past: $WORD\n      env: {$KEY_NAME: x}"), env)
	require.Len(t, dags, 1, found.String())
	assert.Equal(t, 3, dags[0].Tasks[0].Retries, "plain scalars are typed after expansion")
	assert.True(t, dags[0].Tasks[0].DependsOnPast)
	_, e := yamlvalue.Lookup(dags[0].Tasks[0].Args.Node(), "env")
	assert.Equal(t, "A", e.Content[0].Value, "keys too")
	_, found, _ = withEnv(withTask("      env: {$WORD: x}"), env)
	assert.Contains(t, found.String(), "dags/a.yaml:6:13: error: dag \"a\", task \"t\": the key yes is a boolean in YAML 1.1: quote it")
	_, found, _ = withEnv(withTask("      retries: $TEXT\n      cwd: later"), env)
	assert.Contains(t, found.String(), "dags/a.yaml:6:16: error:", "positions are those of the file")
}

func TestSecretEnvironmentVariablesAreMasked(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"DB_PASS", "MY_SECRET", "TOKEN", "API_KEY", "CREDENTIALS", "MONKEY"} {
		env := map[string]string{name: literal}
		dags, found, secrets := withEnv(withTask("      env: {PASSWORD: $"+name+"}"), env)
		require.Len(t, dags, 1, found.String())
		assert.Equal(t, []string{literal}, secrets, name)
		assert.Equal(t, "dags/a.yaml:6:23: warning: dag \"a\", task \"t\": the value of the environment variable "+name+
			" becomes part of the DAG: use a connection\n", strings.Replace(found.String(), `warning: the`, `warning: dag "a", task "t": the`, 1))
	}
	_, _, secrets := withEnv(withTask("      cwd: $HOME_DIR"), map[string]string{"HOME_DIR": "/home"})
	assert.Empty(t, secrets)
}

func TestMessagesShowNoSecrets(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{
		"short": literal, "long": strings.Repeat("abcdef-", 30), "with quotes": "a\"b\\c\nd-" + literal,
	} {
		for _, keys := range []string{
			"retries: $MY_TOKEN", "trigger_rule: $MY_TOKEN", `retry_delay: "x-$MY_TOKEN"`, "dependencies: [$MY_TOKEN]", "$MY_TOKEN: 1",
			"on_failure_callback: $MY_TOKEN", "start_date: $MY_TOKEN", "env: {__type__: $MY_TOKEN}", "operator: $MY_TOKEN", "task_group_name: $MY_TOKEN", "provide_context: $MY_TOKEN",
		} {
			text := strings.Replace(withTask("      "+keys), "      operator: bash\n", "", strings.Count(keys, "operator"))
			dags, found, _ := withEnv(text, map[string]string{"MY_TOKEN": secret})
			warned := strings.HasPrefix(keys, "task_group_name") || strings.HasPrefix(keys, "provide_context")
			assert.Equal(t, warned, len(dags) > 0, keys)
			assert.NotContains(t, found.String(), secret[:5], "%s: %s", name, keys)
		}
	}
}
