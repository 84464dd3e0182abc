package connections_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

type lazy string

func (l lazy) LogValue() slog.Value { return slog.StringValue("lazy " + string(l)) }

func TestMaskHandler(t *testing.T) {
	t.Parallel()
	type inner struct{ Text *string }
	tests := map[string]struct {
		attr slog.Attr
		want string // JSON of the attribute
	}{
		"text":                   {slog.String("url", "https://h?k=s3cr3t"), `{"url":"https://h?k=***"}`},
		"plain text":             {slog.String("url", "https://h"), `{"url":"https://h"}`},
		"number":                 {slog.Int("tokens", 7), `{"tokens":7}`},
		"duration":               {slog.Duration("took", time.Second), `{"took":1000000000}`},
		"key is left":            {slog.String("s3cr3t", "x"), `{"s3cr3t":"x"}`},
		"sensitive key":          {slog.String("access_token", "unknown"), `{"access_token":"***"}`},
		"value of sensitive key": {slog.Any("my_secrets", []string{"unknown"}), `{"my_secrets":"***"}`},
		"error":                  {slog.Any("error", errors.New("post s3cr3t: refused")), `{"error":"post ***: refused"}`},
		"plain error":            {slog.Any("error", errors.New("refused")), `{"error":"refused"}`},
		"bytes":                  {slog.Any("body", []byte("a s3cr3t")), `{"body":"a ***"}`},
		"Stringer":               {slog.Any("u", &url.URL{Scheme: "http", Host: "h", RawQuery: "k=s3cr3t"}), `{"u":"http://h?k=***"}`},
		"map":                    {slog.Any("m", map[string]string{"k": "s3cr3t"}), `{"m":"map[k:***]"}`},
		"plain map":              {slog.Any("m", map[string]string{"k": "v"}), `{"m":{"k":"v"}}`},
		"behind a pointer":       {slog.Any("p", inner{new("s3cr3t")}), `{"p":"{\"Text\":\"***\"}"}`},
		"group":                  {slog.Group("g", slog.Group("h", slog.String("a", "s3cr3t"))), `{"g":{"h":{"a":"***"}}}`},
		"LogValuer":              {slog.Any("l", lazy("s3cr3t")), `{"l":"lazy ***"}`},
		"Secret":                 {slog.Any("s", connections.Secret("unknown")), `{"s":"***"}`},
		"nothing":                {slog.Any("n", nil), `{"n":null}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, read := maskedLog()
			log.Info("hello", tt.attr)
			assert.JSONEq(t, tt.want, read(t))
			log.With(tt.attr).Info("hello")
			assert.JSONEq(t, tt.want, read(t), "With")
		})
	}
}

func TestMaskHandlerMessageAndGroup(t *testing.T) {
	t.Parallel()
	log, read := maskedLog()
	log.WithGroup("g").With("a", "s3cr3t").Warn("hello s3cr3t", "b", "s3cr3t")
	assert.JSONEq(t, `{"g":{"a":"***","b":"***"}}`, read(t))
	log.Debug("not enabled")
	assert.Panics(t, func() { read(t) }, "nothing was logged")
}

// maskedLog returns a log that knows the secret "s3cr3t" and a function that
// reads the attributes of its last line, after checking time, level and message.
func maskedLog() (log *slog.Logger, read func(*testing.T) string) {
	m := connections.NewMasker()
	m.Add("s3cr3t")
	var out bytes.Buffer
	log = slog.New(m.Handler(slog.NewJSONHandler(&out, nil)))
	return log, func(t *testing.T) string {
		t.Helper()
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			panic(err)
		}
		out.Reset()
		assert.NotEmpty(t, line["time"])
		assert.Contains(t, []any{"hello", "hello ***"}, line["msg"])
		assert.Contains(t, []any{"INFO", "WARN"}, line["level"])
		for _, key := range []string{"time", "level", "msg"} {
			delete(line, key)
		}
		rest, err := json.Marshal(line)
		require.NoError(t, err)
		return string(rest)
	}
}
