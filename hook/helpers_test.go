package hook_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/connections"
)

const token = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"

// conn is a connection in short form; empty fields are null.
type conn struct {
	Host, Password, Extra, Login, Schema string
	Port                                 int
}

func (c conn) connection(id string) *connections.Connection {
	out := &connections.Connection{ID: id, Type: "dingding"}
	set := func(to **string, v string) {
		if v != "" {
			*to = &v
		}
	}
	set(&out.Host, c.Host)
	set(&out.Login, c.Login)
	set(&out.Schema, c.Schema)
	if c.Password != "" {
		password := connections.Secret(c.Password)
		out.Password = &password
	}
	if c.Extra != "" {
		extra := connections.Secret(c.Extra)
		out.Extra = &extra
	}
	if c.Port != 0 {
		out.Port = &c.Port
	}
	return out
}

// source is a map of connections by id.
type source map[string]*connections.Connection

func (s source) Connection(_ context.Context, id string) (*connections.Connection, error) {
	if c, ok := s[id]; ok {
		return c, nil
	}
	return nil, fmt.Errorf("connection %q: %w", id, connections.ErrNotFound)
}

// connSource holds one connection, the default one.
func connSource(c conn) source {
	return source{"dingding_default": c.connection("dingding_default")}
}

func procs() int { return runtime.GOMAXPROCS(0) }

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
