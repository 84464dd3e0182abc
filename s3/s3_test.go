package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/s3"
	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/tasklog/tasklogtest"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "the secret", "AWS_SHARED_CREDENTIALS_FILE": os.DevNull} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// server starts a real S3 server with an empty bucket, and returns its endpoint.
func server(t *testing.T) string {
	t.Helper()
	program := os.Getenv("DINGDAG_TEST_VERSITYGW")
	if program == "" {
		t.Skip("DINGDAG_TEST_VERSITYGW names no S3 server (versitygw)")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	data, sidecar := t.TempDir(), t.TempDir()
	var told bytes.Buffer
	cmd := exec.Command(program, "--port", address, "--access", "key", "--secret", "the secret", "--region", "eu-test-1", "posix", "--sidecar", sidecar, data)
	cmd.Stdout, cmd.Stderr = &told, &told
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Log(told.String())
		}
	})
	transport, err := minio.DefaultTransport(false)
	require.NoError(t, err)
	defer transport.CloseIdleConnections()
	c, err := minio.New(address, &minio.Options{Creds: credentials.NewStaticV4("key", "the secret", ""), Region: "eu-test-1", Transport: transport, MaxRetries: 1})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return c.MakeBucket(ctx, "logs", minio.MakeBucketOptions{Region: "eu-test-1"}) == nil
	}, 30*time.Second, 20*time.Millisecond)
	return "http://" + address
}

func open(t *testing.T, url string) *s3.Store {
	t.Helper()
	s, err := s3.Open(url, "key:the secret")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestServer(t *testing.T) {
	endpoint := server(t)
	n := 0
	tasklogtest.Run(t, func(*testing.T) tasklogtest.Open {
		n++
		url := fmt.Sprintf("s3://logs/cluster %d/日志?endpoint=%s&region=eu-test-1", n, endpoint)
		if n == 1 {
			url = "s3://logs?style=path&endpoint=" + endpoint + "&region=eu-test-1"
		}
		return func(t *testing.T) tasklog.Store { t.Helper(); return open(t, url) }
	})
}

const logName = "dag_id=d/run_id=r/task_id=t/attempt=1.log"

// A log that is sent in several pieces is whole, and one that is half sent is none.
func TestLong(t *testing.T) {
	s := open(t, "s3://logs/long?endpoint="+server(t)+"&region=eu-test-1")
	text := bytes.Repeat([]byte("a line of forty characters, all the same\n"), 1_000_000) // 41 MB
	p := tasklog.Part{Start: time.UnixMilli(1767225600000).UTC(), Node: "a", Size: int64(len(text))}
	require.Error(t, s.Put(t.Context(), logName, p, bytes.NewReader(text[:len(text)-1])))
	parts, err := s.Parts(t.Context(), logName)
	require.NoError(t, err)
	assert.Empty(t, parts)
	require.NoError(t, s.Put(t.Context(), logName, p, bytes.NewReader(text)))
	parts, err = s.Parts(t.Context(), logName)
	require.NoError(t, err)
	assert.Equal(t, []tasklog.Part{p}, parts)
	b := make([]byte, 4<<20)
	_, err = s.ReadAt(t.Context(), logName, p, b, 15<<20)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(text[15<<20:19<<20], b))
}

// What is wrong is said, and no key with it.
func TestErrors(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"s3://":                           "write s3://BUCKET/PREFIX",
		"https://host/bucket":             "write s3://BUCKET/PREFIX",
		"s3://%zz":                        "write s3://BUCKET/PREFIX",
		"s3://key:hush@bucket":            "set log_store_key",
		"s3://bucket?endpoint=host:9000":  "write https://HOST or http://HOST:PORT",
		"s3://bucket?endpoint=ftp://host": "write https://HOST or http://HOST:PORT",
		"s3://bucket?style=odd":           `style "odd": write path or host`,
		"s3://bucket?secret=hush":         `it has no "secret": there are endpoint, region and style`,
	} {
		_, err := s3.Open(url, "")
		require.ErrorContains(t, err, want, url)
		assert.NotContains(t, err.Error(), "hush")
	}
}

func TestKey(t *testing.T) {
	for _, bad := range []string{"hush", ":hush", "id:"} {
		_, err := s3.Open("s3://bucket", bad)
		require.EqualError(t, err, "log_store_key: write ID:SECRET")
	}
	endpoint := server(t)
	p := tasklog.Part{Start: time.UnixMilli(1767225600000).UTC(), Node: "a", Size: 1}
	of, err := s3.Open("s3://logs?region=eu-test-1&endpoint="+endpoint, "") // that of the environment
	require.NoError(t, err)
	require.NoError(t, of.Put(t.Context(), logName, p, strings.NewReader("x")))
	require.NoError(t, of.Close())
	wrong, err := s3.Open("s3://logs?region=eu-test-1&endpoint="+endpoint, "key:hush")
	require.NoError(t, err)
	err = wrong.Put(t.Context(), logName, p, strings.NewReader("x"))
	require.ErrorContains(t, err, "keep a task log in s3://logs/: ")
	assert.NotContains(t, err.Error(), "hush")
	require.NoError(t, wrong.Close())
}

func TestRefused(t *testing.T) {
	endpoint := server(t)
	p := tasklog.Part{Start: time.UnixMilli(1767225600000).UTC(), Node: "a", Size: 1}
	missing := open(t, "s3://no-such-bucket?region=eu-test-1&endpoint="+endpoint)
	require.ErrorContains(t, missing.Put(t.Context(), logName, p, strings.NewReader("x")), "keep a task log in s3://no-such-bucket/")
	_, err := missing.Parts(t.Context(), logName)
	require.ErrorContains(t, err, "list task logs in s3://no-such-bucket/")
	_, err = missing.ReadAt(t.Context(), logName, p, make([]byte, 1), 0)
	require.ErrorContains(t, err, "read from s3://no-such-bucket/")

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	gone := open(t, "s3://logs?region=eu-test-1&endpoint=http://127.0.0.1:1")
	err = gone.Put(ctx, logName, p, strings.NewReader("x"))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "the secret")
}
