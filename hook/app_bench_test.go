package hook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/directory"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

// BenchmarkApp makes the same call of a new API with an [hook.App] and by hand. The
// server's own work is in both.
func BenchmarkApp(b *testing.B) {
	answer := []byte(`{"hasMore":false,"totalCount":2,"list":["u001","u009"]}`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1.0/oauth2/accessToken" {
			calltest.Answering(`{"accessToken":"t","expireIn":7200}`)(w, r)
			return
		}
		w.Write(answer)
	}))
	b.Cleanup(server.Close)
	b.Run("hook", func(b *testing.B) {
		c := conn{Host: server.URL, Login: calltest.AppKey, Password: calltest.AppSecret, Extra: `{"qps":0}`}.connection("app")
		h := hook.New(source{"app": c})
		b.Cleanup(h.CloseIdleConnections)
		runBoth(b, func(ctx context.Context) error {
			_, err := directory.SearchUsers(ctx, h.App("app"), directory.SearchQuery{Word: "Ann", Size: 10})
			return err
		})
	})
	b.Run("net-http", func(b *testing.B) {
		transport := &http.Transport{MaxIdleConnsPerHost: 32}
		b.Cleanup(transport.CloseIdleConnections)
		client := &http.Client{Timeout: 10 * time.Second, Transport: transport}
		runBoth(b, func(ctx context.Context) error { return searchByHand(ctx, client, server.URL) })
	})
}

// searchByHand is what one writes without a library.
func searchByHand(ctx context.Context, client *http.Client, base string) error {
	body, err := json.Marshal(map[string]any{"queryWord": "Ann", "offset": 0, "size": 10})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1.0/contact/users/search", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("x-acs-dingtalk-access-token", "t")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var got struct {
		Code string   `json:"code"`
		List []string `json:"list"`
	}
	if err := json.Unmarshal(data, &got); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || got.Code != "" {
		return errors.New(got.Code)
	}
	return nil
}

// BenchmarkColdToken lets 64 callers start at once without a token, and counts how often
// one is fetched.
func BenchmarkColdToken(b *testing.B) {
	fetches := 0
	for b.Loop() {
		s := startBenchApp(b)
		done := make(chan error, 64)
		for range cap(done) {
			go func() { done <- read(b.Context(), s.App("app")) }()
		}
		for range cap(done) {
			require.NoError(b, <-done)
		}
		fetches += s.fetches
	}
	b.ReportMetric(float64(fetches)/float64(b.N), "fetches/op")
}

// benchApp is a hook that counts how often it fetched a token.
type benchApp struct {
	*hook.DingdingHook
	fetches int
}

func startBenchApp(b *testing.B) *benchApp {
	b.Helper()
	s := &benchApp{}
	c := conn{Host: "http://dingtalk.test", Login: calltest.AppKey, Password: calltest.AppSecret, Extra: `{"qps":0}`}.connection("app")
	s.DingdingHook = hook.New(source{"app": c}, hook.WithHTTPClient(&http.Client{Transport: calltest.RoundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/gettoken" {
			s.fetches++ // one at a time, or the race detector tells
			return calltest.Response(`{"errcode":0,"access_token":"t","expires_in":7200}`), nil
		}
		return calltest.Response(counted), nil
	})}))
	return s
}
