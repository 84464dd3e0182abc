package hook_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
)

// The two benchmarks below send the same message to the same server:
//
//	go test ./hook -run '^$' -bench . -benchmem
//
// The server allocates nothing for a request, so that the figures are the client's.

func BenchmarkSend(b *testing.B) {
	h := hook.New(connSource(conn{Host: startQuietServer(b), Password: token}))
	b.Cleanup(h.CloseIdleConnections)
	msg := hook.Text(benchText)
	runBoth(b, func(ctx context.Context) error {
		_, err := h.Send(ctx, msg)
		return err
	})
}

func BenchmarkNetHTTP(b *testing.B) {
	url := startQuietServer(b) + "/robot/send?access_token=" + token
	transport := &http.Transport{MaxIdleConnsPerHost: 32}
	b.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Timeout: 10 * time.Second, Transport: transport}
	runBoth(b, func(ctx context.Context) error { return sendByHand(ctx, client, url, benchText) })
}

const benchText = "the nightly load is done: 1200 rows in 3 minutes"

func runBoth(b *testing.B, send func(context.Context) error) {
	b.Helper()
	ctx := b.Context()
	b.Run("sequential", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := send(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel16", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(max(1, 16/procs()))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := send(ctx); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// sendByHand is what one writes without a library.
func sendByHand(ctx context.Context, client *http.Client, url, content string) error {
	type text struct {
		Content string `json:"content"`
	}
	type at struct {
		AtMobiles []string `json:"atMobiles"`
		IsAtAll   bool     `json:"isAtAll"`
	}
	body, err := json.Marshal(struct {
		MsgType string `json:"msgtype"`
		Text    text   `json:"text"`
		At      at     `json:"at"`
	}{"text", text{content}, at{}})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var answer struct {
		ErrCode int    `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return err
	}
	if answer.ErrCode != 0 || answer.ErrMsg != "ok" {
		return errors.New(answer.ErrMsg)
	}
	return nil
}

// startQuietServer answers every POST with success and allocates only for new
// connections.
func startQuietServer(b *testing.B) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go answerQuietly(c)
		}
	}()
	return "http://" + listener.Addr().String()
}

func answerQuietly(c net.Conn) {
	defer c.Close()
	lengthHeader := []byte("Content-Length: ")
	response := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n" + `{"errcode":0,"errmsg":"ok"}`)
	r := bufio.NewReader(c)
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		if value, ok := bytes.CutPrefix(line, lengthHeader); ok {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		}
		if len(line) > len("\r\n") {
			continue
		}
		if _, err := r.Discard(length); err != nil {
			return
		}
		if _, err := c.Write(response); err != nil {
			return
		}
	}
}
