package credentials

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook/smtp/smtptest"
)

type oneConnection struct{ conn *connections.Connection }

func (s oneConnection) Connection(context.Context, string) (*connections.Connection, error) {
	return s.conn, nil
}

func checkingApp(t *testing.T) (tested tester, out, errs *bytes.Buffer) {
	t.Helper()
	out, errs = &bytes.Buffer{}, &bytes.Buffer{}
	a := app.New(show.IO{Out: out, Err: errs, LookupEnv: func(string) (string, bool) { return "", false }}, time.Now, app.Parts{})
	a.Flags["home"] = t.TempDir()
	t.Cleanup(func() { assert.NoError(t, a.Close()) })
	return tester{a, out, errs}, out, errs
}

func TestTestMail(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options smtptest.Options
		extra   string
		out     string
		errs    []string
	}{
		"works":          {smtptest.Options{Auth: []string{"PLAIN"}}, `{"disable_ssl": true, "disable_tls": true}`, "let us in, with no encryption; no mail was sent", nil},
		"STARTTLS":       {smtptest.Options{STARTTLS: true}, `{"disable_ssl": true, "ssl_context": "none"}`, "with STARTTLS", nil},
		"wrong password": {smtptest.Options{Auth: []string{"PLAIN"}, Answers: map[string]string{"AUTH": "535 no"}}, `{"disable_ssl": true, "disable_tls": true}`, "", []string{"connection mail does not work", "AUTH: 535 no", "remedy:  check login and password"}},
		"no TLS there":   {smtptest.Options{}, `{}`, "", []string{`remedy:  the server does not start with TLS on this port: set "disable_ssl": true`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := smtptest.Start(t, tt.options)
			a, out, errs := checkingApp(t)
			err := testMail(t.Context(), a, oneConnection{server.Connection("mail", tt.extra)}, "mail")
			if tt.errs == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, command.ErrQuiet)
			}
			assert.Contains(t, out.String(), tt.out)
			for _, want := range tt.errs {
				assert.Contains(t, errs.String(), want)
			}
			assert.NotContains(t, errs.String(), smtptest.Password)
			assert.Empty(t, server.Mails())
		})
	}
}

func TestTestHTTP(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{200: "works: GET http://127.0.0.1", 404: "404 Not Found; the base URL itself has no page", 401: "remedy:  check the connection's login and password"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "said")
		}))
		a, out, errs := checkingApp(t)
		err := testHTTP(t.Context(), a, oneConnection{&connections.Connection{ID: "web", Type: "http", Host: new(server.URL)}}, "web")
		assert.Equal(t, status == 401, err != nil)
		assert.Contains(t, out.String()+errs.String(), want)
		server.Close()
	}
}
