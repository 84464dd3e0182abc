package sql_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

// pooler passes connections on to a server. It keeps one with a request to cancel open, as a
// pooler does that has to pass it on, and reports whether the client waited.
type pooler struct {
	listener net.Listener
	server   string
	canceled chan bool
	open     sync.WaitGroup
}

func newPooler(t *testing.T, server string) *pooler {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &pooler{listener: listener, server: server, canceled: make(chan bool, 1)}
	p.open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.open.Go(func() { assert.NoError(t, p.pass(client)) })
		}
	})
	t.Cleanup(func() {
		assert.NoError(t, listener.Close())
		p.open.Wait()
	})
	return p
}

func (p *pooler) pass(client net.Conn) error {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return err
	}
	defer server.Close()
	first := make([]byte, 8)
	if _, err := io.ReadFull(client, first); err != nil {
		return err
	}
	if _, err := server.Write(first); err != nil {
		return err
	}
	const cancelRequest = 80877102
	if binary.BigEndian.Uint32(first[4:]) == cancelRequest {
		key := make([]byte, 8)
		if _, err := io.ReadFull(client, key); err != nil {
			return err
		}
		if _, err := server.Write(key); err != nil {
			return err
		}
		// The query ends now. Whoever waits for us sends nothing and does not hang up.
		if err := client.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			return err
		}
		_, err := client.Read(key)
		p.canceled <- errors.Is(err, os.ErrDeadlineExceeded)
		return nil
	}
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	_, _ = io.Copy(client, server)
	_ = client.Close()
	both.Wait()
	return nil
}

// Behind a pooler, whoever cancels has to wait until the pooler has passed the request on.
func TestCancelWaitsForThePooler(t *testing.T) {
	t.Parallel()
	task := taskOn(t, newPostgres)
	conn := task.Conns["warehouse"]
	p := newPooler(t, net.JoinHostPort(conn.GetHost(), strconv.Itoa(conn.GetPort())))
	port := p.listener.Addr().(*net.TCPAddr).Port
	conn.Host, conn.Port = new("127.0.0.1"), &port
	conn.Extra = new(connections.Secret(`{"sslmode": "disable"}`))

	mark := databaseName()
	ctx, cancel := context.WithCancelCause(t.Context())
	op := operatortest.Decode(t, spec(t, "sql"), "{conn_id: warehouse, sql: 'SELECT pg_sleep(120) /* "+mark+" */'}")
	done := make(chan error, 1)
	go func() {
		_, err := op.Execute(ctx, task.TaskContext)
		done <- err
	}()
	require.Eventually(t, func() bool {
		return asJSON(t, task, `sql: "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s", parameters: ['%pg_sleep(120) /* `+mark+` */']`) == "[[1]]"
	}, waitFor, tick)
	cancel(operator.ErrCanceled)
	require.ErrorIs(t, <-done, operator.ErrCanceled)
	assert.True(t, <-p.canceled, "the client closed the connection before the pooler did")
}

// PgBouncer refuses settings at the start of a connection.
func TestPoolerRefusesSettings(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	go func() {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		size := make([]byte, 4)
		_, _ = io.ReadFull(client, size)
		_, _ = io.CopyN(io.Discard, client, int64(binary.BigEndian.Uint32(size))-4)
		// What PgBouncer 1.18 answers.
		fields := "SFATAL\x00C08P01\x00Munsupported startup parameter: statement_timeout\x00\x00"
		_, _ = client.Write(append(binary.BigEndian.AppendUint32([]byte("E"), uint32(len(fields)+4)), fields...))
	}()
	task := operatortest.NewTask(t)
	port := listener.Addr().(*net.TCPAddr).Port
	task.Conns["warehouse"] = &connections.Connection{
		ID: "warehouse", Type: "postgres", Host: new("127.0.0.1"), Port: &port, Login: new("u"),
		Extra: new(connections.Secret(`{"sslmode": "disable", "statement_timeout": "5s"}`)),
	}
	_, err = run(t, task, "SELECT 1")
	require.ErrorContains(t, err, "unsupported startup parameter: statement_timeout")
	require.ErrorContains(t, err, "write SET LOCAL … as the first statement of the SQL")
}
