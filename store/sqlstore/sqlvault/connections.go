// Package sqlvault is the SQL of what is encrypted at rest: connections, variables, and access tokens of applications.
package sqlvault

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// connectionTable keeps connections in a store, with password and extra encrypted at rest.
type connectionTable struct {
	c      sqlrow.Conn
	cipher *connections.Cipher
}

var _ connections.Store = connectionTable{}

const connectionColumns = "conn_id, conn_type, description, host, login, password, schema_name, port, extra"

// scan reads a connection whose secrets are still sealed.
func scanConnection(rows sqlrow.Rows, c *connections.Connection) error {
	var password, extra *string
	if err := rows.Scan(&c.ID, &c.Type, &c.Description, &c.Host, &c.Login, &password, &c.Schema, &c.Port, &extra); err != nil {
		return err
	}
	c.Password, c.Extra = (*connections.Secret)(password), (*connections.Secret)(extra)
	return nil
}

// Connections returns every stored connection, by id. Those that can't be opened are left
// out, and the error names them.
func (s connectionTable) Connections(ctx context.Context) ([]*connections.Connection, error) {
	cs, err := sqlrow.Collect(ctx, s.c, scanConnection, "SELECT "+connectionColumns+" FROM connection ORDER BY conn_id")
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	var opened []*connections.Connection
	var errs []error
	for _, c := range cs {
		if err := s.open(c); err != nil {
			errs = append(errs, err)
			continue
		}
		opened = append(opened, c)
	}
	return opened, errors.Join(errs...)
}

// Connection returns one connection, or an error that wraps [connections.ErrNotFound].
func (s connectionTable) Connection(ctx context.Context, id string) (*connections.Connection, error) {
	c, err := sqlrow.One(ctx, s.c, scanConnection, "SELECT "+connectionColumns+" FROM connection WHERE conn_id = ?", id)
	if err != nil {
		return nil, fmt.Errorf("read connection %q: %w", id, err)
	}
	if c == nil {
		return nil, connections.NotFound(id)
	}
	return c, s.open(c)
}

// PutConnection adds a connection; an existing one is replaced only with overwrite,
// else the error wraps [connections.ErrExists].
func (s connectionTable) PutConnection(ctx context.Context, c *connections.Connection, overwrite bool) error {
	password, err := s.seal(c.ID, "password", c.Password)
	if err != nil {
		return err
	}
	extra, err := s.seal(c.ID, "extra", c.Extra)
	if err != nil {
		return err
	}
	conflict := "DO NOTHING"
	if overwrite {
		conflict = `(conn_id) DO UPDATE SET conn_type = excluded.conn_type, description = excluded.description, host = excluded.host,
			login = excluded.login, password = excluded.password, schema_name = excluded.schema_name, port = excluded.port, extra = excluded.extra`
	}
	n, err := s.c.Exec(ctx, "INSERT INTO connection ("+connectionColumns+") VALUES ("+sqlrow.Marks(9)+") ON CONFLICT "+conflict,
		c.ID, c.Type, c.Description, c.Host, c.Login, password, c.Schema, c.Port, extra)
	if err != nil {
		return fmt.Errorf("write connection %q: %w", c.ID, err)
	}
	if n == 0 {
		return fmt.Errorf("connection %q: %w", c.ID, connections.ErrExists)
	}
	return s.forgetRobots(ctx, c.ID)
}

// forgetRobots drops what robots have from a connection that has changed, and may lead to another robot now.
func (s connectionTable) forgetRobots(ctx context.Context, id string) error {
	if _, err := s.c.Exec(ctx, "UPDATE robot_gate SET quota = 0, gone_at = NULL, gone = '' WHERE name = ?", id); err != nil {
		return fmt.Errorf("forget the robot of connection %q: %w", id, err)
	}
	return nil
}

// DeleteConnection removes a connection, or returns an error that wraps
// [connections.ErrNotFound].
func (s connectionTable) DeleteConnection(ctx context.Context, id string) error {
	n, err := s.c.Exec(ctx, "DELETE FROM connection WHERE conn_id = ?", id)
	if err != nil {
		return fmt.Errorf("delete connection %q: %w", id, err)
	}
	if n == 0 {
		return connections.NotFound(id)
	}
	return s.forgetRobots(ctx, id)
}

// seal encrypts one field. The connection and the field are bound to it, so that a
// sealed text can't be moved to another place.
func (s connectionTable) seal(id, field string, v *connections.Secret) (*string, error) {
	if v == nil {
		return nil, nil
	}
	if s.cipher == nil {
		return nil, fmt.Errorf("encrypt connection %q: %w", id, errNoCipher)
	}
	text, err := s.cipher.Seal([]byte(v.Reveal()), id+"/"+field)
	if err != nil {
		return nil, fmt.Errorf("encrypt connection %q: %w", id, err)
	}
	return &text, nil
}

// open decrypts the sealed fields in place.
func (s connectionTable) open(c *connections.Connection) error {
	for field, v := range map[string]*connections.Secret{"password": c.Password, "extra": c.Extra} {
		if v == nil {
			continue
		}
		if s.cipher == nil {
			return fmt.Errorf("open connection %q: %w", c.ID, errNoCipher)
		}
		plain, err := s.cipher.Open(v.Reveal(), c.ID+"/"+field)
		if err != nil {
			return fmt.Errorf("open connection %q: %w", c.ID, err)
		}
		*v = connections.Secret(plain)
	}
	return nil
}
