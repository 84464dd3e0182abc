package sandbox_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// clientsDir is where the clients of others are installed, as .ci/run does from
// .ci/dingtalk-clients.
func clientsDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("DINGDAG_TEST_DINGTALK_CLIENTS")
	if dir == "" {
		t.Skip("set DINGDAG_TEST_DINGTALK_CLIENTS to a folder with .ci/dingtalk-clients after npm ci and go build")
	}
	return dir
}

// did is a line of what a client did.
type did struct {
	Type   string         `json:"type"`
	Error  string         `json:"error"`
	Result map[string]any `json:"result"`
}

// runClient runs a client and reads what it did.
func runClient(t *testing.T, env []string, program string, args ...string) []did {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Run(), "%s%s", out.String(), errs.String())
	var all []did
	lines := bufio.NewScanner(&out)
	for lines.Scan() {
		var d did
		require.NoError(t, json.Unmarshal(lines.Bytes(), &d), lines.Text())
		all = append(all, d)
	}
	return all
}

// Robot clients that others wrote get all five types through, with and without a
// signature, and hear of a wrong one.
func TestRobotClientsOfOthers(t *testing.T) {
	t.Parallel()
	dir := clientsDir(t)
	program := filepath.Join(dir, "dingtalk-clients")
	for name, command := range map[string][]string{
		"github.com/blinkbean/dingtalk": {program, "blinkbean"},
		"github.com/CatchZeng/dingtalk": {program, "catchzeng"},
		"dingtalk-robot-sender (Node)":  {"node", filepath.Join(dir, "clients.mjs"), "robot"},
	} {
		for variant, secrets := range map[string]struct{ robot, client, refusal string }{
			"unsigned":     {},
			"signed":       {"SEC0123456789", "SEC0123456789", ""},
			"wrong secret": {"SEC0123456789", "SECother", "签名不匹配"},
		} {
			t.Run(name+" "+variant, func(t *testing.T) {
				t.Parallel()
				box := sandboxtest.Start(t)
				box.Seed(sandbox.DemoOrganisation())
				robot := sandbox.DemoRobot("ops")
				robot.Secret = secrets.robot
				robot = box.AddRobot(robot)
				env := append(leadHere(t, box), "DINGTALK_URL="+box.URL, "DINGTALK_TOKEN="+robot.Token, "DINGTALK_SECRET="+secrets.client)
				got := runClient(t, env, command[0], command[1:]...)
				require.Len(t, got, 5)
				for _, d := range got {
					if secrets.refusal == "" {
						assert.Empty(t, d.Error, d.Type)
					} else {
						assert.Contains(t, d.Error, secrets.refusal, d.Type)
					}
				}
				if secrets.refusal != "" {
					assert.Empty(t, box.Messages(sandbox.Filter{}))
					return
				}
				var types []string
				for _, m := range box.Messages(sandbox.Filter{}) {
					types = append(types, m.Type)
					if m.Type == sandbox.TypeText || m.Type == sandbox.TypeMarkdown {
						assert.Equal(t, []string{"13800000001"}, m.Mentions.Notified, m.Type)
					}
				}
				assert.Equal(t, []string{"text", "markdown", "link", "actionCard", "feedCard"}, types)
			})
		}
	}
}

// The SDK that DingTalk generates makes its calls as it does to DingTalk.
func TestOfficialSDK(t *testing.T) {
	t.Parallel()
	dir := clientsDir(t)
	box := sandboxtest.Start(t)
	box.Seed(sandbox.DemoOrganisation())
	app := box.AddApp(sandbox.DemoApp("sdk"))
	got := runClient(t, []string{
		"DINGTALK_URL=" + box.URL, "DINGTALK_KEY=" + app.AppKey, "DINGTALK_SECRET=" + app.AppSecret, "DINGTALK_CORP=dingdemocorp",
		"DINGTALK_SPACE=DemoSpace0000001", "DINGTALK_OPERATOR=union001iE", "DINGTALK_WORKBOOK=" + sandbox.DemoWorkbookID,
	}, "node", filepath.Join(dir, "clients.mjs"), "sdk")
	results := map[string]map[string]any{}
	for _, d := range got {
		assert.Empty(t, d.Error, d.Type)
		results[d.Type] = d.Result
	}
	assert.Len(t, results, 11)
	assert.Equal(t, "sdk-1", results["createCard"]["result"])
	card, err := box.Card("sdk-1")
	require.NoError(t, err)
	assert.Equal(t, "report of 2026-01-31", card.Params["log"])
	assert.Equal(t, map[string]map[string]string{"user001": {"mine": "1"}}, card.Private)
	assert.Equal(t, []any{[]any{"a", "b"}}, results["getRange"]["values"])
	for _, a := range box.Attempts() {
		assert.Empty(t, a.Ignored, "%s: what DingTalk's SDK sends, the sandbox knows", a.Call)
		assert.False(t, a.Refused(), "%s: %s %s", a.Call, a.ErrorCode, a.Reason)
	}
	assert.Len(t, box.Messages(sandbox.Filter{}), 2)
}

// The official clients for stream mode connect, get messages and events, answer, and come back after
// a disconnect and after the connection was cut.
func TestStreamClientsOfOthers(t *testing.T) {
	t.Parallel()
	dir := clientsDir(t)
	for name, command := range map[string][]string{
		"github.com/open-dingtalk/dingtalk-stream-sdk-go": {filepath.Join(dir, "dingtalk-clients"), "stream"},
		"dingtalk-stream (Node)":                          {"node", filepath.Join(dir, "clients.mjs"), "stream"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box := sandboxtest.Start(t)
			app := box.Demo()
			require.NoError(t, box.SetStream(sandbox.StreamSettings{Grace: 100 * time.Millisecond, Redeliver: 2 * time.Second}))
			team := box.AddChat(sandbox.Chat{Name: "ops", Owner: "user001", Bots: []string{app.AppKey}})
			startClient(t, []string{"DINGTALK_URL=" + box.URL, "DINGTALK_KEY=" + app.AppKey, "DINGTALK_SECRET=" + app.AppSecret}, command[0], command[1:]...)
			echoed := func(conversation, text, want string) {
				answers := box.WaitAnswers(box.Say("user001", conversation, text), 1)
				assert.Equal(t, want, answers[0].Content.Text)
			}
			first := box.WaitStreams(app, 1)
			echoed(team.OpenConversationID, "status", "echo: status")
			echoed(app.AppKey, "help", "echo:help")
			_, err := box.Happen(t.Context(), sandbox.Happen{App: app.AppKey, Type: "user_add_org"})
			require.NoError(t, err)
			box.WaitAnswered(3)

			require.Equal(t, 1, box.Disconnect(app.AppKey))
			echoed(app.AppKey, "after a disconnect", "echo:after a disconnect")
			second := box.WaitStreams(app, 1)
			assert.NotEqual(t, first[0].ID, second[0].ID)

			box.StreamFault(sandbox.StreamFault{Kind: sandbox.FaultHangUp})
			echoed(app.AppKey, "after a cut", "echo:after a cut")
			box.WaitAnswered(5)
			for _, d := range box.Deliveries() {
				assert.Equal(t, 200, d.Answer.Code, d.Topic)
			}
		})
	}
}

// startClient starts a client that runs until the test ends.
func startClient(t *testing.T, env []string, program string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	cmd.Stdout, cmd.Stderr = &out, &out
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		stdin.Close()
		after := time.AfterFunc(10*time.Second, cancel)
		err := cmd.Wait()
		after.Stop()
		cancel()
		if err != nil || t.Failed() {
			t.Errorf("%s: %v\n%s", program, err, out.String())
		}
	})
}

// leadHere starts a proxy that takes DingTalk's hosts for the sandbox, and returns the
// environment in which programs go through it and trust its certificate.
func leadHere(t *testing.T, box *sandboxtest.Sandbox) []string {
	t.Helper()
	certificate, ca := certify(t, "oapi.dingtalk.com", "api.dingtalk.com")
	inner := &chanListener{conns: make(chan net.Conn), done: make(chan struct{})}
	dingtalk := &http.Server{Handler: box.Server, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() {
		served <- dingtalk.Serve(tls.NewListener(inner, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}))
	}()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "oapi.dingtalk.com:443" {
			http.Error(w, "only oapi.dingtalk.com:443, not "+r.Method+" "+r.Host, http.StatusForbidden)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, err = conn.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n"))
		if err != nil || !inner.add(conn) {
			conn.Close()
		}
	}))
	t.Cleanup(func() {
		proxy.Close()
		dingtalk.Close()
		<-served
	})
	return []string{"HTTPS_PROXY=" + proxy.URL, "SSL_CERT_FILE=" + ca}
}

// chanListener gives away connections that were accepted elsewhere.
type chanListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *chanListener) add(conn net.Conn) bool {
	select {
	case l.conns <- conn:
		return true
	case <-l.done:
		return false
	}
}

func (l *chanListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, errors.New("the listener is closed")
	}
}

func (l *chanListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *chanListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// certify makes a certificate for names, and a file by which programs trust it.
func certify(t *testing.T, names ...string) (certificate tls.Certificate, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, ca
}
