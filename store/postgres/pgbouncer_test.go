package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/postgres/postgrestest"
	"github.com/dingdag/dingdag/store/storetest"
	"github.com/dingdag/dingdag/store/storetest/jobtest"
)

// bouncer is a running PgBouncer with pool_mode = transaction. It passes on no parameters of a connection, so that it has a database of
// its own for each schema.
type bouncer struct {
	address string
	free    chan string
}

func startBouncer(t *testing.T) *bouncer {
	t.Helper()
	program := os.Getenv("DINGDAG_TEST_PGBOUNCER")
	if program == "" {
		t.Skip("DINGDAG_TEST_PGBOUNCER names no program")
	}
	c := slot(t)
	base, err := url.Parse(os.Getenv("DINGDAG_TEST_POSTGRES_URL"))
	require.NoError(t, err)
	password, ok := base.User.Password()
	if ok {
		password = " password='" + strings.ReplaceAll(password, "'", "''") + "'"
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().(*net.TCPAddr)
	require.NoError(t, l.Close())
	b := &bouncer{address: address.String(), free: make(chan string, 4)}
	var ini strings.Builder
	ini.WriteString("[databases]\n")
	for range cap(b.free) {
		schema := newSchema(t, c)
		t.Cleanup(func() {
			_, err := c.Exec(context.WithoutCancel(t.Context()), "DROP SCHEMA "+schema+" CASCADE")
			assert.NoError(t, err)
		})
		fmt.Fprintf(&ini, "%s = host=%s port=%s user=%s%s dbname=%s connect_query='SET search_path TO %[1]s'\n", schema, base.Hostname(), base.Port(), base.User.Username(), password, strings.Trim(base.Path, "/"))
		b.free <- schema
	}
	dir := t.TempDir()
	fmt.Fprintf(&ini, "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\nmax_client_conn = 200\ndefault_pool_size = 4\n", address.Port)
	if os.Geteuid() == 0 { // it refuses to be root
		ini.WriteString("user = nobody\n")
	}
	config := filepath.Join(dir, "pgbouncer.ini")
	require.NoError(t, os.WriteFile(config, []byte(ini.String()), 0o644))
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, config)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Dir = "/"
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("PgBouncer says:\n%s", out.String())
		}
	})
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", b.address)
		return err == nil && c.Close() == nil
	}, time.Minute, 10*time.Millisecond)
	return b
}

// database returns the URL of an empty schema of the test's own.
func (b *bouncer) database(t *testing.T) string {
	t.Helper()
	schema := <-b.free
	c := connect(t, os.Getenv("DINGDAG_TEST_POSTGRES_URL"))
	t.Cleanup(func() {
		_, err := c.Exec(context.WithoutCancel(t.Context()), postgrestest.Emptying(schema))
		assert.NoError(t, err)
		b.free <- schema
	})
	return "postgres://" + b.address + "/" + schema + "?sslmode=disable&pool_max_conns=3"
}

// The store does the same through PgBouncer, of which it finds out by itself.
func TestThroughPgBouncer(t *testing.T) {
	t.Parallel()
	b := startBouncer(t)
	t.Run("store", func(t *testing.T) { //nolint:paralleltest // it waits for the tests in it
		create := func(t *testing.T) storetest.Open {
			t.Helper()
			u := b.database(t)
			return func(t *testing.T, n storetest.Node) store.Store {
				t.Helper()
				return open(t, u, postgres.Options{Node: n.Name, Clock: n.Clock, Looks: 20 * time.Millisecond})
			}
		}
		storetest.Run(t, create)
		jobtest.Run(t, create)
		jobtest.RunQueues(t, create)
	})
	t.Run("parameters", func(t *testing.T) {
		t.Parallel()
		_, err := postgres.Open(t.Context(), b.database(t)+"&search_path=other", postgres.Options{})
		require.ErrorContains(t, err, "leave it out of the URL")
	})
	t.Run("prepared statements", func(t *testing.T) {
		t.Parallel()
		u := b.database(t)
		one := open(t, u, postgres.Options{})
		require.NoError(t, one.Tx(t.Context(), putVersion(t.Context(), "a")))
		// PgBouncer keeps them from 1.21 on, when it is told to.
		var err error
		for range 2 * cap(b.free) {
			var s *postgres.Store
			if s, err = postgres.Open(t.Context(), u+"&default_query_exec_mode=cache_statement", postgres.Options{}); err != nil {
				break
			}
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
		}
		require.ErrorContains(t, err, "add default_query_exec_mode=exec to the URL")
	})
	t.Run("what others do is found", func(t *testing.T) {
		t.Parallel()
		u := b.database(t)
		var log bytes.Buffer
		s, other := open(t, u, postgres.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Looks: 20 * time.Millisecond}), open(t, u, postgres.Options{Node: "other"})
		assert.Contains(t, log.String(), "statements are not prepared")
		ctx, cancel := context.WithCancel(t.Context())
		noticed, ended := make(chan struct{}, 100), make(chan error)
		go func() { ended <- s.Watch(ctx, func() { noticed <- struct{}{} }) }()
		<-noticed
		require.NoError(t, other.Tx(t.Context(), putVersion(t.Context(), "b")))
		<-noticed
		cancel()
		require.NoError(t, <-ended)
	})
}
